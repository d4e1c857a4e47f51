"""The way in over HTTP. `app.py` lists the doors; `problems` says what can go wrong at them."""
