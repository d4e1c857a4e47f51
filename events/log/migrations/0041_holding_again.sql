-- A notice that was cleared may hold again. Which message carried it is then forgotten where that message ended only after
-- it was cleared, and so did not tell of it: it goes out once more.

GRANT DELETE ON notices.carried TO qiledger_worker;
