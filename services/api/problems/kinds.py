"""Every kind of problem, with its HTTP status, its cause and its cure.

Each is a page at `/problems/{slug}`; a problem that is raised is a problem that is explained, because both are one
entry here.
"""

from collections.abc import Mapping

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """One kind of problem: its name in the address, its HTTP status, and what to do about it."""

    slug: str
    status: int
    title: str
    cause: str
    cure: str


MALFORMED_JSON = Kind(
    "malformed-json",
    400,
    "The body is not JSON.",
    "The bytes of the body, or of one line of it, are not one JSON text in UTF-8 (RFC 8259).",
    "Send what a JSON encoder writes, in UTF-8 without a byte order mark. `detail` says where reading stopped.",
)
TOO_DEEP = Kind(
    "too-deep",
    400,
    "The JSON is nested too deeply.",
    "Objects and lists stand more than 64 deep in one another. No event needs that.",
    "Flatten the data, or look for a serialiser that runs in a circle.",
)
DUPLICATE_KEY = Kind(
    "duplicate-key",
    400,
    "A JSON object has the same key twice.",
    "Readers of JSON disagree on which of two equal keys counts, so nobody could say what was told.",
    "Give each key once. `field` names the event.",
)
MALFORMED_EVENT = Kind(
    "malformed-event",
    400,
    "This is not a CloudEvent as it has to be.",
    "An attribute of the envelope is missing, empty, of the wrong form or too long (CloudEvents 1.0). "
    "Nothing is made up in its place: an invented id would turn a retry into a second event.",
    "Mend the attribute in `field`. Needed are specversion 1.0, id, source, type, subject (the stream, such as "
    "`project/P-17`), time and data.",
)
MALFORMED_HEADER = Kind(
    "malformed-header",
    400,
    "A header cannot be read.",
    "A header is there twice where one is meant, or its value has not the form it needs.",
    'Mend the header in `field`. If-Match takes one version in quotes, such as "3"; If-None-Match takes * here.',
)
WRONG_PARAMETER = Kind(
    "wrong-parameter",
    400,
    "A query parameter is not right.",
    "A parameter is unknown here, given twice, or its value is out of bounds. Unknown ones are refused, because a "
    "misspelt `dry_run` would otherwise keep events for ever.",
    "Mend the parameter in `field`; `/openapi.json` lists what each address takes.",
)
CONTROL_CHARACTER = Kind(
    "control-character",
    400,
    "A text holds a control character.",
    "NUL, escape and their like (U+0000 to U+001F but tab and line ends) break databases, terminals and logs.",
    "Remove the character from the field in `field`.",
)
NO_KEY = Kind(
    "no-key",
    401,
    "An API key is needed.",
    "The request came without an `Authorization: Bearer qi_live_…` header.",
    "Send the key that `qiledger keys create` showed. Who was sent a message opens the link in it: that needs no key.",
)
UNKNOWN_KEY = Kind(
    "unknown-key",
    401,
    "This API key is not known.",
    "What was sent is not a key of this ledger: mistyped, cut short, or from somewhere else.",
    "Compare it with the one you were given; ask for a new one if it is lost, since nobody can look it up.",
)
EXPIRED_KEY = Kind(
    "expired-key",
    401,
    "This API key has expired.",
    "Keys end on a day that is set when they are made, or some days after their rotation.",
    "Use the newer key, or ask for one: `qiledger keys create`.",
)
REVOKED_KEY = Kind(
    "revoked-key",
    401,
    "This API key was revoked.",
    "Somebody ended this key, perhaps because it had been seen by others.",
    "Ask whoever runs the ledger for a new one.",
)
WRONG_ORGANISATION = Kind(
    "wrong-organisation",
    403,
    "This key belongs to another organisation.",
    "A key opens the log of one organisation. The answer is the same whether or not the organisation in the address "
    "exists.",
    "Check the code in the address, such as RWK, or use that organisation's key.",
)
MISSING_SCOPE = Kind(
    "missing-scope",
    403,
    "This key may not do that.",
    "The key has not the scope in `scope`.",
    "Ask for a key with that scope: `qiledger keys create --scope …`.",
)
FOREIGN_SOURCE = Kind(
    "foreign-source",
    403,
    "This key may not tell for that source.",
    "A key tells events for its own sources and what is below them, so that no system can speak for another.",
    "Set `source` to your own, or ask for a key that covers it.",
)
NOT_FOUND = Kind(
    "not-found",
    404,
    "There is nothing at this address.",
    "No door of this ledger has that address.",
    "`near`, if there, holds the addresses most like it; `/` lists them all, `/openapi.json` describes them.",
)
NO_LOG = Kind(
    "no-log",
    404,
    "No log is kept for this organisation.",
    "The key is good, but the log of its organisation has not been opened.",
    "Ask whoever runs the ledger to open it.",
)
NO_RECORD = Kind(
    "no-record",
    404,
    "There is no record there.",
    "The position is beyond the end of the log, or nothing has happened in that stream.",
    "`GET /v1/{organisation}/events` shows how far the log has come in `head`. Is the name written as it was told? "
    "`near`, if it is there, holds those most like it.",
)
NO_TYPE = Kind(
    "no-type",
    404,
    "No event type has this name.",
    "The name is not in the catalogue.",
    "`GET /v1/schemas` lists every type; `near` holds those most like it, if there are any.",
)
NO_PROJECTION = Kind(
    "no-projection",
    404,
    "No projection answers that.",
    "There is no projection of that name, or it has no question of that name.",
    "`near` holds those most like it, if there are any; `GET /v1/{organisation}/projections` lists them all with their "
    "questions.",
)
WRONG_METHOD = Kind(
    "wrong-method",
    405,
    "This address does not take that method.",
    "The address exists, but not for this method.",
    "The `Allow` header lists the methods it takes.",
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable",
    406,
    "None of the accepted media types can be given.",
    "The `Accept` header leaves nothing that this address can answer in.",
    "Accept one of those in `available`.",
)
TOO_SLOW = Kind(
    "too-slow",
    408,
    "The body did not come in time.",
    "A body has ten seconds for each MiB allowed to arrive whole; each line of a stream has to end within 30.",
    "Send again: nothing was kept of this request, or of the lines that were not answered.",
)
NOT_READ = Kind(
    "not-read",
    408,
    "The answers are not read.",
    "An import answers each line as it goes, and whoever sends on without reading leaves the answers with us: 64 MiB "
    "of one import may wait so (some two hundred thousand lines), and 512 MiB of all imports in one process.",
    "Read while you send, or send smaller files. Send again from the line in `line`: what was kept is known.",
)
CONFLICT = Kind(
    "conflict",
    409,
    "Another event was kept under this source and id.",
    "Source and id name one event for ever. What came now differs from what was kept, whose receipt is in `kept`.",
    "If it is a new event, give it a new id. If the first was wrong, tell an `event.corrected` for it.",
)
WRONG_VERSION = Kind(
    "wrong-version",
    412,
    "The stream is not at the version you expected.",
    "Something has happened in the stream since you read it: it is at version `found`.",
    "Read the stream again, decide again, and tell the event with the version found.",
)
HELD_BACK = Kind(
    "held-back",
    424,
    "Held back with its request.",
    "Nothing is wrong with this event, but its all-or-nothing request held another that was refused.",
    "Mend the others and send all again.",
)
TOO_LARGE = Kind(
    "too-large",
    413,
    "This is too large.",
    "One event may have 65,536 bytes (and its record 65,535), a batch 1 MiB and 1,000 events.",
    "Send smaller batches, or stream to `/import`. Long documents belong elsewhere: link to them.",
)
WRONG_MEDIA_TYPE = Kind(
    "wrong-media-type",
    415,
    "This kind of body cannot be read here.",
    "Events come as application/cloudevents+json, application/cloudevents-batch+json, or application/json with `ce-` "
    "headers; imports as application/x-ndjson. UTF-8 only, not compressed.",
    "Set `Content-Type`, and leave `Content-Encoding` out.",
)
UNKNOWN_TYPE = Kind(
    "unknown-type",
    422,
    "No event type has this name.",
    "`type` is not in the catalogue of events.",
    "`GET /v1/schemas` lists every type; `near` holds those most like it, if there are any.",
)
WRONG_DATA = Kind(
    "wrong-data",
    422,
    "The data do not fit the event type.",
    "A field is missing, unknown, of the wrong kind or out of bounds.",
    "Mend the field in `field`; `GET /v1/schemas/{type}` has the schema and an example.",
)
WRONG_STREAM = Kind(
    "wrong-stream",
    422,
    "The event does not happen to that kind of thing.",
    "`subject` is the stream: kind and identifier, such as `project/P-17`; each type belongs to one kind.",
    "Set the subject to the kind of stream in `expected`.",
)
OUT_OF_TIME = Kind(
    "out-of-time",
    422,
    "It cannot have happened then.",
    "`time` says when it happened: not before 1900, and not more than 24 hours ahead of our clock.",
    "Check the clock and the time zone of the sender.",
)
NHS_NUMBER = Kind(
    "nhs-number",
    422,
    "This looks like an NHS number.",
    "Ten digits with a valid check digit (Modulus 11) stand in an attribute or in the data. Improvement events are "
    "about work, never about patients.",
    "Remove it. If it is something else, such as a telephone number or a time in seconds, write it in another form.",
)
REFUSED_BATCH = Kind(
    "refused-batch",
    422,
    "Nothing of this batch was kept.",
    "All or nothing was asked for, and some events cannot be kept: `faults` lists every one of them.",
    "Mend those events and send the batch again, or let each event stand for itself.",
)
INTERNAL = Kind(
    "internal",
    500,
    "Something is wrong here.",
    "A mistake of ours, not of yours. It is logged under the identifier in `instance`.",
    "Send the request again: an event told twice is kept once. Report the identifier if it happens again.",
)
LOG_BUSY = Kind(
    "log-busy",
    503,
    "The log cannot take events just now.",
    "Too many events wait, or the database is away. Nothing of this request was acknowledged.",
    "Send the same again after `Retry-After` seconds: an event told twice is kept once.",
)
AWAY = Kind(
    "away",
    503,
    "The database is away.",
    "The ledger cannot reach its database at the moment.",
    "Try again after `Retry-After` seconds.",
)
OVERLOADED = Kind(
    "overloaded",
    503,
    "Too much at once.",
    "This process holds as many bodies that have not come whole as it can: 64 MiB.",
    "Try again after `Retry-After` seconds, with fewer large requests at once.",
)
STOPPING = Kind(
    "stopping",
    503,
    "The ledger is being stopped.",
    "This process ends, perhaps because a newer one takes its place.",
    "Send again: nothing was kept that was not acknowledged.",
)
NOT_READY = Kind(
    "not-ready",
    503,
    "The ledger is not ready.",
    "Something that it needs is missing; `checks` says what.",
    "`qiledger doctor` on the machine says more.",
)
NOT_BUILT = Kind(
    "not-built",
    503,
    "The projection is still being built.",
    "There are no rows yet for this organisation, or only rows of an older kind that cannot answer this.",
    "Ask again in a moment. If it lasts, see whether the workers run: `qiledger doctor`.",
)
NOT_THERE_YET = Kind(
    "not-there-yet",
    503,
    "The projection has not come that far.",
    "It reflects the log up to `position`, which is before the position in `at_least`.",
    "Ask again in a moment, or give `wait` (seconds) to be answered as soon as it is there.",
)
PAST_NOT_READY = Kind(
    "past-not-ready",
    503,
    "The picture of that past is being made.",
    "A question about the past is answered from a picture of just the records of that time, which a worker makes when "
    "it is first asked for. For a hundred thousand records that takes a second or two; for millions, longer.",
    "Ask the same again after `Retry-After` seconds, or give `wait` (seconds, up to 30). If it lasts, no worker may be "
    "making pictures: `qiledger doctor` on the machine says whether workers run.",
)
PASTS_CROWDED = Kind(
    "pasts-crowded",
    503,
    "Too many pictures of the past are waited for.",
    "Your organisation has asked for so many different pasts at once that this one has not been begun.",
    "Ask again after `Retry-After` seconds. Asking of few dates rather than of each day is quicker for everybody.",
)
EXPORTS_CROWDED = Kind(
    "exports-crowded",
    503,
    "Too many exports are under way.",
    "An export reads a whole log. Each process of the API gives only few at once, and fewer to one organisation, so "
    "that it keeps answering others.",
    "Ask again after `Retry-After` seconds, or take the export with `qiledger export` on the database itself.",
)
PAST_AWAY = Kind(
    "past-away",
    503,
    "Nobody can be asked for that past just now.",
    "Pictures of the past are made by workers, and the doorbell (Redis) by which they are called does not answer. "
    "Pictures that are there already, and all questions about the present, are answered as always.",
    "Ask again after `Retry-After` seconds. If it lasts, whoever runs the ledger should look at Redis: "
    "`qiledger doctor`.",
)
NO_MEASURE = Kind(
    "no-measure",
    404,
    "There is no such measure.",
    "The project has no measure of that name, as far as this projection has come, or it is not shown to this reader.",
    "`near`, if it is there, holds the names most like the one in `field`. `GET "
    "/v1/{organisation}/projections/measure_series/measures?project=…` lists the measures of a project. After telling "
    "one, give its position as `at_least`.",
)
CANNOT_DRAW = Kind(
    "cannot-draw",
    422,
    "These data cannot be drawn so.",
    "The chart or the rules asked for would say something that these data do not support. `detail` says what.",
    "`detail` says what to do; or leave `chart` and `rules` out, and the measure is drawn as it is defined.",
)
NOT_SEALED = Kind(
    "not-sealed",
    404,
    "That is not sealed yet.",
    "No checkpoint has been signed over it, or not one with as many witnesses as were asked for. A record is sealed "
    "within a second or two of being kept.",
    "Ask again in a moment, or give `wait` (seconds) where it is taken. If it lasts, see whether the sealer runs and "
    "has a key: `qiledger doctor`.",
)
SEALING_REFUSED = Kind(
    "sealing-refused",
    503,
    "The sealer has refused to sign.",
    "What it found is not what it has signed before: a table was rewritten, or a backup was restored that ends before "
    "what had been sealed. Nothing of this log is signed until an operator has decided.",
    "Whoever runs the ledger sees the reason with `qiledger refusals`.",
)
DAMAGED_PROOF = Kind(
    "damaged-proof",
    503,
    "What is kept here does not prove what was signed.",
    "A record, a tile of the tree or a checkpoint was changed or lost in the database since it was sealed: by a "
    "superuser, or by a disk. `detail` says where it was met. No proof is given that would prove nothing.",
    "Keep the checkpoints and receipts that you hold: they stand. Whoever runs the ledger finds the whole damage with "
    "`qiledger doctor --proof` and what to do in docs/proof.md; it is logged, and the log is examined at once.",
)
NO_TILE = Kind(
    "no-tile",
    404,
    "There is no such tile.",
    "The tree that is signed has no tile of that level, number and width, or the address is not written as "
    "c2sp.org/tlog-tiles has it, such as `tile/0/x001/067` or `tile/0/x001/067.p/12`.",
    "Read the checkpoint first: its size says which tiles there are, and how wide the last ones are.",
)
TOO_LONG_FOR_A_BUNDLE = Kind(
    "too-long-for-a-bundle",
    422,
    "A record is too long for a bundle of entries.",
    "A bundle gives the length of an entry in 16 bits, and the record at `position` has more than 65,535. Such records "
    "are refused at the door; this one came to the log by another way.",
    "Read the records of this bundle one by one: `GET /v1/{organisation}/events/{position}/proof`.",
)
NO_RULE = Kind(
    "no-rule",
    422,
    "There is no such rule.",
    "A choice names a rule that this ledger has not.",
    "`GET /v1/{organisation}/rules` lists them; `*` stands for every rule.",
)
ACTION_NEEDED = Kind(
    "action-needed",
    422,
    "What needs action cannot be switched off.",
    "The rule in `field` tells somebody to act; a person can have it less often, and not never.",
    "Choose `weekly` or `monthly`. With `*` as the rule, `never` switches off all that needs no action.",
)
NO_LINK = Kind(
    "no-link",
    404,
    "This link does not lead anywhere.",
    "The link is not whole, or is none of ours. Mail programs sometimes break a long address in two.",
    "Copy the whole address from the message, or ask whoever runs the ledger to change what you are told.",
)
LINK_OVER = Kind(
    "link-over",
    410,
    "This link is over.",
    "It was right, and for 180 days it led to what you were told. It shows nothing any more, so that an old mailbox is "
    "no way in.",
    "Newer messages have newer links. Of older work, ask whoever leads it, or whoever runs the ledger.",
)
WRONG_BODY = Kind(
    "wrong-body",
    422,
    "The body does not say what it should.",
    "A member of the JSON object is missing, unknown, of the wrong kind or out of bounds.",
    "Mend the member in `field`; `/openapi.json` describes the body of each address.",
)
NO_CUSTODY = Kind(
    "no-custody",
    503,
    "There is no key to encrypt with.",
    "The event holds words by or about a person, which are kept encrypted, and the ledger has no master key: "
    "none is set, or whoever keeps it does not answer. Nothing was kept.",
    "Whoever runs the ledger sets QILEDGER_MASTER_KEY_FILE or QILEDGER_MASTER_KEY_COMMAND. Then send it again.",
)
SEALED_WORDS = Kind(
    "sealed-words",
    422,
    "These words are encrypted already.",
    "The field takes words in clear, which the ledger encrypts with the key of the person. What begins with `sealed.` "
    "is how a record keeps them; taken from outside it could be anybody's words, or nobody's.",
    "Tell the words themselves. To bring a whole log elsewhere, export it and load the export.",
)
UNKNOWN_TELLING = Kind(
    "unknown-telling",
    422,
    "The event that is corrected is not on record.",
    "The correction holds words that may be a person's, and only the event it corrects says whose, so that they can be "
    "encrypted with the right key.",
    "Tell the event in `of` first (it may stand before the correction in the same batch), then the correction.",
)
NO_PERSON = Kind(
    "no-person",
    404,
    "Nothing is known of how to reach this person.",
    "The vault has no entry under the reference, or it was emptied, or the person was erased.",
    "Check the reference. `PUT` to the same address says how a person is reached.",
)
ERASED_PERSON = Kind(
    "erased-person",
    410,
    "This person was erased.",
    "The key of the person was destroyed, and is never made again under the same reference.",
    "Somebody who comes back gets a new reference (`person.reference_issued`).",
)
NO_MESSAGE = Kind(
    "no-message",
    404,
    "There is no such message.",
    "No message of that id was ever planned for this organisation, or it is not in this person's inbox.",
    "`GET /v1/{organisation}/messages` lists messages; an inbox is addressed by a person's reference, less `person/`.",
)
MESSAGE_OVER = Kind(
    "message-over",
    409,
    "This message is over.",
    "It was delivered, or withdrawn because it was not to be told any more. Only what waits or is dead is tried again.",
    "`GET /v1/{organisation}/messages/{message}` shows every attempt. What should be told once more is told anew.",
)

NO_WEBHOOK = Kind(
    "no-webhook",
    404,
    "There is no such webhook.",
    "The organisation has no endpoint of that name; perhaps it was removed.",
    "`GET /v1/{organisation}/webhooks` lists them.",
)
NOT_WAITING = Kind(
    "not-waiting",
    404,
    "This record does not wait.",
    "Only a record that an endpoint has not taken can be passed over, and the one at that position is not one.",
    "`GET /v1/{organisation}/webhooks/{webhook}/waiting` lists those that wait.",
)
TOO_MANY_WEBHOOKS = Kind(
    "too-many-webhooks",
    409,
    "There are as many webhooks as there can be.",
    "An organisation has at most 50 endpoints, and an endpoint at most ten tests that were not sent yet.",
    "Remove endpoints that nobody needs; or wait until the tests were sent: if they are not, no sender may be running.",
)
CANNOT_REPLAY = Kind(
    "cannot-replay",
    409,
    "The endpoint has not been there yet.",
    "What is replayed was sent before: `after` has to be a position that the endpoint has come to.",
    "`position` of the endpoint says how far it has come. A record that it does not take is passed over by `/skip`.",
)
WEBHOOK_ADDRESS = Kind(
    "webhook-address",
    422,
    "Nothing is sent to this address.",
    "Webhooks go to https addresses that are reached over the public network, or over private networks that whoever "
    "runs the ledger has named (QILEDGER_WEBHOOK_NETWORKS). `detail` says what is in the way.",
    "Give a URL such as https://host/path, without user, password or fragment, whose host has a public address.",
)
TOO_MANY_STREAMS = Kind(
    "too-many-streams",
    429,
    "Too many live streams.",
    "A key may have 1,000 live streams at once with one server process, and a process 2,000.",
    "Close those that nobody reads, or read the feed: `GET /v1/{organisation}/events?wait=30` tells the same.",
)
NO_MASTER_KEY = Kind(
    "no-master-key",
    503,
    "Secrets cannot be kept just now.",
    "Signing secrets are kept encrypted with a master key, and this process has none.",
    "Whoever runs the ledger sets QILEDGER_MASTER_KEY_FILE or one of its kin; `qiledger doctor` says more.",
)

ALL: Mapping[str, Kind] = {kind.slug: kind for kind in list(globals().values()) if isinstance(kind, Kind)}
