"""Numbers that may be a patient's. The ledger is about work, never about patients, so they are refused at the door.

An NHS number is nine digits and a check digit by Modulus 11, written together or 3-3-4 with blanks, hyphens, full stops
or the like (NHS Data Dictionary, NHS NUMBER), in digits of any script. One in eleven ten-digit numbers passes the
check; ten digits of a longer number, of a decimal fraction or of a long hexadecimal (a UUID, a hash) do not count.

In identifiers (an event's id, source, subject and actor) ten digits in one piece that begin with 1 are taken for what
they mostly are: a Unix time in seconds, from 2001 to 2033. No NHS number of England, Wales or Northern Ireland begins
with 1; a Scottish CHI number of somebody born from the 10th to the 19th of a month does, and is let through there. In
free text it is not.
"""

import re
import unicodedata

DIGITS = 10
_BETWEEN = r"[ \-./\u00a0\u2007\u2009\u2010-\u2015\u202f]{0,2}"
# It begins with the digits and then looks back: so the search leaps from digit to digit, in half the time.
_SHAPED = re.compile(
    rf"[0-9]{{3}}(?<![0-9]{{4}})(?<![0-9]\.[0-9]{{3}}){_BETWEEN}[0-9]{{3}}{_BETWEEN}[0-9]{{4}}(?![0-9])(?!\.[0-9])"
)
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_HEX = re.compile(
    r"(?<![0-9a-fA-F])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(?![0-9a-fA-F])|[0-9a-fA-F]{16,}"
    r"|(?<=[0-9a-fA-F]-)[0-9a-fA-F]{12}(?![0-9a-fA-F])"
)
_UNIX_TIME = re.compile(r"1[0-9]{9}")
_OTHER_DIGIT = re.compile(r"[^\D0-9]")
_WEIGHTS = range(10, 1, -1)


def holds_nhs_number(text: str, *, identifier: bool = False) -> bool:
    """Whether something shaped like an NHS number, with a right check digit, stands in the text."""
    if not text.isascii():
        text = _UNSEEN.sub("", _in_our_digits(text))
    told = text.encode()
    if len(told) - len(told.translate(None, b"0123456789")) < DIGITS:
        return False  # as most texts are: counting costs a tenth of looking
    found = [shaped for shaped in _SHAPED.finditer(text) if _checks(shaped[0])]
    if not found:
        return False
    hexadecimal = [run.span() for run in _HEX.finditer(text) if not run[0].isdecimal()]
    return any(
        not any(begin <= shaped.start() and shaped.end() <= end for begin, end in hexadecimal)
        and not (identifier and _UNIX_TIME.fullmatch(shaped[0]))
        for shaped in found
    )


def _in_our_digits(text: str) -> str:
    """The digits of other scripts, and full-width ones, as ours."""
    return _OTHER_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)


def _checks(shaped: str) -> bool:
    """Modulus 11: the weighted sum of the first nine digits gives the tenth; a remainder of 10 is never given out."""
    digits = [int(one) for one in shaped if one.isdecimal()]
    check = 11 - sum(weight * digit for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11
    return check != 10 and check % 11 == digits[9]
