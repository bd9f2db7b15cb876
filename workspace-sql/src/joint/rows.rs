//! Many rows in one statement.

use std::fmt::{self, Display, Formatter};

use serde::ser::{Serialize, Serializer};
use uuid::Uuid;

use crate::backend::{Dialect, Session};
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{Row, Value, broken, json};

/// At most so many rows go with one statement.
const AT_ONCE: usize = 1_000;

impl<S: Session> Cursor<'_, S> {
    /// Inserts rows into `table (columns)`; one that is in the way of another is a fault of all.
    pub(super) async fn insert_rows(&mut self, into: &str, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
        let columns = into.split_once(' ').map_or(into, |(_, columns)| columns);
        for part in parts(rows) {
            let wanted = part.len();
            let (given, values) = self.dialect.given(columns, part)?;
            let sql = format!("{given} INSERT INTO {into} SELECT * FROM given WHERE 1 = 1 ON CONFLICT DO NOTHING");
            let written = self.session.write(self.dialect.render(&sql), values).await?;
            expect(wanted, usize::try_from(written).unwrap_or(usize::MAX))?;
        }
        Ok(())
    }

    /// Carries out a statement that goes on after `WITH given (columns) AS (the rows)`, in parts where there are many.
    pub(super) async fn with_rows(
        &mut self,
        columns: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
    ) -> Result<Vec<Row>, Fault> {
        let mut answers = Vec::with_capacity(rows.len());
        for part in parts(rows) {
            let (given, values) = self.dialect.given(columns, part)?;
            answers.extend(self.rows(&format!("{given} {tail}"), values).await?);
        }
        Ok(answers)
    }

    /// Asks for the rows whose `column` is one of the ids, `tail` last.
    pub(super) async fn rows_among(
        &mut self,
        select: &str,
        column: &str,
        ids: impl IntoIterator<Item = Uuid>,
        tail: &str,
    ) -> Result<Vec<Row>, Fault> {
        let mut found = Vec::new();
        for part in parts(ids.into_iter().collect()) {
            // Not `= ANY`: Postgres may look through the whole table with it, comparing each row with each id.
            let (among, ids) = if self.dialect.locks_rows {
                ("unnest($1::uuid[])", Value::ids(part))
            } else {
                ("value FROM json_each($1)", Value::from(json(&part)?))
            };
            let sql = format!("{select} WHERE {column} IN (SELECT {among}) {tail}");
            found.extend(self.rows(&sql, vec![ids]).await?);
        }
        Ok(found)
    }
}

impl Dialect {
    /// `WITH given (columns) AS (the rows)`, with its parameters: a list for each column, or one JSON text of all
    /// rows. The statement is the same for any number of rows, so that it is prepared once.
    fn given(&self, columns: &str, rows: Vec<Vec<Value>>) -> Result<(String, Vec<Value>), Fault> {
        let (table, values) = if self.locks_rows {
            let lists = lists(rows)?;
            (format!("SELECT * FROM {}", unnest(&lists)), lists)
        } else {
            (from_json(rows.first().map_or(&[], Vec::as_slice)), vec![Value::from(json(&rows)?)])
        };
        Ok((format!("WITH given {columns} AS ({table})"), values))
    }
}

/// Fewer than expected: something is in the way, which the changes find out apart.
pub(super) fn expect(wanted: usize, written: usize) -> Result<(), Fault> {
    if written == wanted { Ok(()) } else { Err(Fault::Again(None)) }
}

fn parts<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || Some(rows.by_ref().take(AT_ONCE).collect::<Vec<_>>()).filter(|part| !part.is_empty()))
}

/// The rows of a JSON array of arrays, whose columns are of the kinds of the first.
fn from_json(first: &[Value]) -> String {
    let column = |(index, value): (usize, &Value)| match value {
        Value::Bytes(_) => format!("unhex(value ->> {index})"),
        _ => format!("value ->> {index}"),
    };
    format!("SELECT {} FROM json_each($1)", first.iter().enumerate().map(column).collect::<Vec<_>>().join(", "))
}

/// As a part of a JSON text that [`from_json`] reads; lists have no place in one.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Int(value) => value.serialize(serializer),
            Self::Text(value) => value.serialize(serializer),
            Self::Id(value) => value.serialize(serializer),
            Self::Bytes(None) => serializer.serialize_none(),
            Self::Bytes(Some(bytes)) => serializer.collect_str(&Hex(bytes)),
            Self::Ids(_) | Self::Ints(_) | Self::Texts(_) | Self::Blobs(_) => {
                Err(serde::ser::Error::custom("a list within a row"))
            }
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl Display for Hex<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

fn unnest(lists: &[Value]) -> String {
    let of = |list: &Value| match list {
        Value::Ids(_) => "uuid",
        Value::Texts(_) => "text",
        Value::Blobs(_) => "bytea",
        _ => "bigint",
    };
    let lists: Vec<_> =
        lists.iter().enumerate().map(|(index, list)| format!("${}::{}[]", index + 1, of(list))).collect();
    format!("unnest({})", lists.join(", "))
}

/// Turns rows into lists, one for each column.
fn lists(rows: Vec<Vec<Value>>) -> Result<Vec<Value>, Fault> {
    let mut rows = rows.into_iter();
    let mut lists: Vec<Value> = rows.next().unwrap_or_default().into_iter().map(list).collect();
    for row in rows {
        for (list, value) in lists.iter_mut().zip(row) {
            match (list, value) {
                (Value::Ids(list), Value::Id(value)) => list.push(value),
                (Value::Ints(list), Value::Int(value)) => list.push(value),
                (Value::Texts(list), Value::Text(value)) => list.push(value),
                (Value::Blobs(list), Value::Bytes(value)) => list.push(value),
                _ => return Err(Fault::Failed(broken("columns of several kinds"))),
            }
        }
    }
    Ok(lists)
}

fn list(value: Value) -> Value {
    match value {
        Value::Id(value) => Value::Ids(vec![value]),
        Value::Int(value) => Value::Ints(vec![value]),
        Value::Text(value) => Value::Texts(vec![value]),
        Value::Bytes(value) => Value::Blobs(vec![value]),
        list => list,
    }
}
