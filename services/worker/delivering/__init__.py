"""Delivering messages: whom to tell was decided before; here it is seen to, and every attempt is on record.

What a crash leaves, step by step. A few messages at a time are

1. *taken up* (lease, fencing token), and what is known of them is read, in one transaction. A crash after it leaves
   messages that nobody tried; when the lease is over, whoever comes next takes them up.

Then, for each of them in turn,

2. *begun*: the attempt is written down, in the transaction that notes what became of the one before. A crash before its
   commit leaves the one before in doubt, and nothing of this one.
3. *sent*. A crash from here on leaves an attempt without an outcome. When the lease is over, the next one asks the
   channel what became of it, where the channel can say; else sends again, with the same message id.
4. *noted*, by the holder of the token alone, in the transaction that begins the next; after the last, in its own.

So nothing is left untold; nothing is told twice but in the one case that nobody can rule out: sent, and gone before it
was noted; and of one who delivers by a channel, that is never more than one message.
"""
