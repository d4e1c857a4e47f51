"""The doors, a file for each thing people come for. `services/api/app.py` lists them."""
