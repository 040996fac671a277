"""`make run`: the whole system as local processes under one supervisor (supervisord)."""
