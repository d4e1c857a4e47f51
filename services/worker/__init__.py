"""What is done after an event is kept: projections are fed, and what fell behind is found.

RQ carries wake-ups; every fact about work to do is in Postgres. Losing Redis, or any process here, loses no work.
"""
