"""Numbers that may be a patient's. The ledger is about work, never about patients, so they are refused at the door.

An NHS number is nine digits and a check digit by Modulus 11, written together or 3-3-4 with blanks, hyphens or the like
(NHS Data Dictionary, NHS NUMBER). One in eleven ten-digit numbers passes the check; a digit of a longer number, of a
decimal fraction or of hexadecimal (a UUID) does not count.
"""

import re

# It begins with the digits and then looks back: so the search leaps from digit to digit, in half the time.
_SHAPED = re.compile(
    r"([0-9]{3})(?<![0-9a-fA-F][0-9]{3})(?<![0-9]\.[0-9]{3})"
    r"([ \-\u00a0\u2007\u2009\u2010-\u2015\u202f]?)([0-9]{3})\2([0-9]{4})"
    r"(?![0-9a-fA-F])(?!\.[0-9])"
)
_WEIGHTS = range(10, 1, -1)


def holds_nhs_number(text: str) -> bool:
    """Whether something shaped like an NHS number, with a right check digit, stands in the text."""
    return any(_checks(first + second + third) for first, _, second, third in _SHAPED.findall(text))


def _checks(digits: str) -> bool:
    """Modulus 11: the weighted sum of the first nine digits gives the tenth; a remainder of 10 is never given out."""
    check = 11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=False)) % 11
    return check != 10 and check % 11 == int(digits[9])
