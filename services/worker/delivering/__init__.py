"""Delivering messages: whom to tell was decided before; here it is seen to, and every attempt is on record.

What a crash leaves, step by step, for one message:

1. *taken up* (lease, fencing token) and the attempt written down, in one transaction. A crash before its commit leaves
   nothing; whoever comes next begins anew.
2. *sent*. A crash from here on leaves an attempt without an outcome. When the lease is over, the next one asks the
   channel what became of it, where the channel can say; else sends again, with the same message id.
3. *noted*, in one transaction, by the holder of the token alone. A crash after it leaves nothing to do.

So nothing is left untold, and nothing is told twice but in the one case that nobody can rule out: sent, and gone before
it was noted.
"""
