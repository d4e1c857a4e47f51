"""What a chart says of a series: run charts and the SPC family, as pure functions.

`chart.draw` is the one door in for whoever looks. It takes a `Series`, a `ChartType`, a rule set's id and a `Baseline`
(what people decided about the lines), and gives a `Chart`: points, lines, phases, signals, icons. Whoever asks for the
signals alone asks `judging.judge` the same. Nothing here knows the time, the database or who is asking. `svg`,
`terminal` and `table` show a `Chart`; `docs/charts.md` names every source and choice.
"""
