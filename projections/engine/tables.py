"""The tables of a build, made from the row struct of its projection; and the SQL that reads and writes them.

A build has a schema of its own. `forum_portfolio_b3.forum_portfolio_rows` is what the engine writes: the columns of the
row beside the engine's own. `forum_portfolio_b3.forum_portfolio` is what questions read: the same, without the rows
that the folds withhold (which must be kept, or nobody would know that their streams have begun).
"""

from collections.abc import Iterable
from functools import cached_property
from typing import Any, LiteralString

from psycopg import Connection, sql

from projections.engine.columns import KEY_COLUMNS, LEXEMES, PLAINLY, STATE_COLUMNS, columns_of
from projections.engine.projection import Projection, Shape

READERS = ("qiledger_api", "qiledger_report", "qiledger_auditor")
WRITER = "qiledger_worker"

FULL: dict[Shape, int] = {"rows": 80, "parts": 80, "lines": 100}
"""How full pages are made, in per cent: a row that is written again finds room beside itself, and a line never is."""
HIDDEN = {"again", "withheld"}
SAMPLED = 20  # of a hundred, the default: 6,000 rows are looked at


class Tables:
    """The names and statements of one build's tables. Nothing here runs by itself."""

    def __init__(self, projection: Projection[Any], build: int) -> None:
        if projection.shape is None:
            raise ValueError(f"{projection.name} folds nothing")
        self.projection = projection
        self.build = build
        self.shape = projection.shape
        self.columns = columns_of(projection.row)
        self.keys = KEY_COLUMNS[self.shape]
        self.schema = sql.Identifier(schema_of(projection.name, build))
        self.rows = sql.Identifier(schema_of(projection.name, build), f"{projection.name}_rows")
        self.shown = sql.Identifier(schema_of(projection.name, build), projection.name)

    @property
    def written(self) -> dict[str, str]:
        """Every column that is written of a row, and its type."""
        state = dict(STATE_COLUMNS)
        if self.shape == "lines":
            del state["folded_position"]  # it is the line's own
        return self.keys | state | {column.name: column.type for column in self.columns}

    @cached_property
    def values(self) -> dict[str, sql.Composable]:
        """What is written into each of those columns; what goes without saying need not be said."""
        theirs = {column.name: column.plainly for column in self.columns}
        plainly = {name: text for name, text in (PLAINLY | theirs).items() if text is not None}
        return {
            name: sql.SQL("coalesce({}, {})").format(sql.Identifier(name), sql.Literal(plainly[name]))
            if name in plainly
            else sql.Identifier(name)
            for name in self.written
        }

    @property
    def _made(self) -> dict[str, str]:
        """Every column that Postgres makes of a row, and how."""
        how = self.projection.lexemes
        return {LEXEMES: f"tsvector GENERATED ALWAYS AS ({how}) STORED"} if how else {}

    def make(self) -> sql.Composed:
        """Makes the table, view, guard and grants, in the schema that is there."""
        present = [
            sql.SQL("{} IS NOT NULL").format(sql.Identifier(c.name)) for c in self.columns if not c.nullable
        ]
        return sql.SQL(_MAKE).format(
            schema=self.schema,
            rows=self.rows,
            shown=self.shown,
            full=sql.Literal(FULL[self.shape]),
            columns=_list(
                [
                    sql.SQL("{} " + kind).format(sql.Identifier(n))
                    for n, kind in (self.written | self._made).items()
                ]
            ),
            keys=_names(["organisation", *self.keys]),
            present=sql.SQL(" AND ").join(present) if present else sql.SQL("true"),
            visible=_names(
                ["organisation", *(name for name in self.written if name not in HIDDEN), *self._made]
            ),
            writer=sql.Identifier(WRITER),
            readers=_list([sql.Identifier(role) for role in READERS]),
        )

    def index(self, conn: Connection[Any]) -> None:
        """Makes the indexes that are not there yet. Once the rows are there it is faster."""
        for number, on in enumerate(self.projection.indexes):
            conn.execute(
                sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} {}").format(
                    sql.Identifier(f"{self.projection.name}_{number}"),
                    self.rows,
                    sql.SQL(on),
                )
            )

    def analyse(self, conn: Connection[Any]) -> None:
        """Tells the planner what is there: plans made for an empty table are bad ones. Needs a transaction.

        A small sample will do until the database looks by itself.
        """
        conn.execute(sql.SQL("SET LOCAL default_statistics_target = {}").format(sql.Literal(SAMPLED)))
        conn.execute(sql.SQL("ANALYZE {}").format(self.rows))

    @property
    def _part(self) -> sql.SQL:
        """Which of the rows of its stream a row is."""
        return {"rows": sql.SQL("''"), "parts": sql.SQL("part"), "lines": sql.SQL("position")}[self.shape]

    @property
    def _selected(self) -> sql.Composed:
        """The columns of the row itself; JSON as text, for msgspec to read."""
        named = ((sql.Identifier(column.name), column.type) for column in self.columns)
        return _list([sql.SQL("{}::text").format(n) if kind == "jsonb" else n for n, kind in named])

    @cached_property
    def load(self) -> bytes:
        """Reads the rows of some streams; of lines, only what is known of the stream itself; of parts, the first."""
        return self._load({"rows": _LOAD, "parts": _LOAD_FIRST, "lines": _LOAD_PLAIN}[self.shape])

    @cached_property
    def load_parts(self) -> bytes:
        """Reads some parts of some streams."""
        return self._load(_LOAD_PARTS)

    def _load(self, statement: LiteralString) -> bytes:
        at = sql.SQL("position" if self.shape == "lines" else "folded_position")
        return (
            sql.SQL(statement)
            .format(part=self._part, at=at, columns=self._selected, rows=self.rows)
            .as_bytes()
        )

    @cached_property
    def add(self) -> bytes:
        """Writes rows that are not there yet, one JSON array of objects."""
        typed = [sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in self.written.items()]
        names, values = _names(self.written), _list(self.values[name] for name in self.written)
        adding = sql.SQL(_ADD).format(rows=self.rows, names=names, values=values, typed=_list(typed))
        return adding.as_bytes()

    @cached_property
    def save(self) -> bytes:
        """Writes rows, whether they are there or not."""
        others = (sql.Identifier(name) for name in self.written if name not in self.keys)
        changes = _list([sql.SQL("{0} = excluded.{0}").format(name) for name in others])
        keys = _names(["organisation", *self.keys])
        return self.add + sql.SQL(_OVER).format(keys=keys, changes=changes).as_bytes()

    @cached_property
    def everything(self) -> bytes:
        """Every row that is shown, in the order of keys."""
        return (
            sql.SQL(_EVERYTHING)
            .format(part=self._part, columns=self._selected, rows=self.rows, keys=_names(self.keys))
            .as_bytes()
        )

    @cached_property
    def clear(self) -> bytes:
        """Removes all rows of some streams."""
        return sql.SQL(_CLEAR).format(rows=self.rows).as_bytes()


def schema_of(name: str, build: int) -> str:
    """The schema of a build."""
    return f"{name}_b{build}"


def _names(names: Iterable[str]) -> sql.Composed:
    return _list([sql.Identifier(name) for name in names])


def _list(parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)


_MAKE = """
    CREATE TABLE {rows} (
        organisation text NOT NULL,
        {columns},
        PRIMARY KEY ({keys}),
        CHECK (withheld OR ({present}))
    ) WITH (fillfactor = {full});
    ALTER TABLE {rows} OWNER TO {writer};
    ALTER TABLE {rows} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {rows} FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_organisation ON {rows}
        USING (organisation = (SELECT current_setting('qiledger.organisation', true)));
    CREATE VIEW {shown} WITH (security_invoker = true) AS
        SELECT {visible} FROM {rows} WHERE NOT withheld;
    ALTER VIEW {shown} OWNER TO {writer};
    GRANT USAGE ON SCHEMA {schema} TO {readers};
    GRANT SELECT ON {rows}, {shown} TO {readers};
"""

_LOAD = """
    SELECT key, {part}, folded_at, {at}, again, withheld, {columns}
      FROM {rows}
     WHERE organisation = %(organisation)s AND key = ANY (%(keys)s)
"""
_LOAD_PLAIN = """
    SELECT key, {part}, folded_at, {at}, again, withheld, {columns}
      FROM {rows}
     WHERE organisation = %(organisation)s AND key = ANY (%(keys)s) AND position = 0
"""
# Bounds inside: so they are looked up one by one, whatever the planner thinks of a new table.
_LOAD_FIRST = """
    SELECT kept.*
      FROM unnest(%(keys)s::text[]) AS asked (key)
     CROSS JOIN LATERAL (
           SELECT key, {part}, folded_at, {at}, again, withheld, {columns}
             FROM {rows}
            WHERE organisation = %(organisation)s AND key = asked.key
            ORDER BY part  -- what is to be known of the stream itself comes first: it has no name
            LIMIT %(short)s) AS kept
"""
_LOAD_PARTS = """
    SELECT kept.*
      FROM unnest(%(keys)s::text[], %(parts)s::text[]) AS asked (key, part)
     CROSS JOIN LATERAL (
           SELECT key, {part}, folded_at, {at}, again, withheld, {columns}
             FROM {rows}
            WHERE organisation = %(organisation)s AND key = asked.key AND part = asked.part
            LIMIT 1) AS kept
"""

_ADD = """
    INSERT INTO {rows} (organisation, {names})
    SELECT %(organisation)s, {values}
      FROM json_to_recordset(%(rows)s::json) AS written ({typed})
"""

_OVER = """
        ON CONFLICT ({keys}) DO UPDATE SET {changes}
"""

_EVERYTHING = """
    SELECT key, {part}, {columns}
      FROM {rows}
     WHERE organisation = %(organisation)s AND NOT withheld
     ORDER BY {keys}
"""

_CLEAR = """
    DELETE FROM {rows}
     WHERE organisation = %(organisation)s AND key = ANY (%(keys)s)
"""
