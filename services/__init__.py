"""Who asks: HTTP, jobs, commands; and what they run on."""
