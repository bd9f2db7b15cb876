//! Many rows in one statement.

use uuid::Uuid;

use crate::backend::{Dialect, Session};
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{Row, Value, broken};

/// At most so many rows go with one statement as lists.
const LISTED: usize = 1_000;

/// At most so many go value by value. Few: `SQLite` prepares a statement of this size once, and takes long over
/// thousands of parameters.
const SPELLED: usize = 32;

impl<S: Session> Cursor<'_, S> {
    /// Inserts rows into `table (columns)`; one that is in the way of another is a fault of all.
    pub(super) async fn insert_rows(&mut self, into: &str, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
        let wanted = rows.len();
        let columns = into.split_once(' ').map_or(into, |(_, columns)| columns);
        let tail = format!("INSERT INTO {into} SELECT * FROM given WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING 1");
        let written = self.with_rows(columns, rows, &tail).await?.len();
        expect(wanted, written)
    }

    /// Carries out a statement that goes on after `WITH given (columns) AS (the rows)`, in parts where there are many.
    pub(super) async fn with_rows(
        &mut self,
        columns: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
    ) -> Result<Vec<Row>, Fault> {
        let mut answers = Vec::with_capacity(rows.len());
        for part in parts(rows, self.dialect.rows_at_once()) {
            let (table, values) = self.dialect.table(part)?;
            answers.extend(self.rows(&format!("WITH given {columns} AS ({table}) {tail}"), values).await?);
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
        for part in parts(ids.into_iter().collect(), self.dialect.rows_at_once()) {
            let (among, values) = if self.dialect.locks_rows {
                ("= ANY($1)".to_owned(), vec![Value::ids(part)])
            } else {
                (format!("IN ({})", places(part.len())), part.into_iter().map(Value::from).collect())
            };
            found.extend(self.rows(&format!("{select} WHERE {column} {among} {tail}"), values).await?);
        }
        Ok(found)
    }
}

impl Dialect {
    const fn rows_at_once(&self) -> usize {
        if self.locks_rows { LISTED } else { SPELLED }
    }

    /// Rows as a table, with its parameters: lists where the database has them, else value by value.
    fn table(&self, rows: Vec<Vec<Value>>) -> Result<(String, Vec<Value>), Fault> {
        if self.locks_rows {
            let lists = columns(rows)?;
            return Ok((format!("SELECT * FROM {}", unnest(&lists)), lists));
        }
        let row = |row: &Vec<Value>| format!("({})", places(row.len()));
        let table = rows.iter().map(row).collect::<Vec<_>>().join(", ");
        Ok((format!("VALUES {table}"), rows.into_iter().flatten().collect()))
    }
}

/// Fewer than expected: something is in the way, which the changes find out apart.
pub(super) fn expect(wanted: usize, written: usize) -> Result<(), Fault> {
    if written == wanted { Ok(()) } else { Err(Fault::Again(None)) }
}

fn parts<T>(rows: Vec<T>, at_once: usize) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || Some(rows.by_ref().take(at_once).collect::<Vec<_>>()).filter(|part| !part.is_empty()))
}

/// Parameters without numbers: `SQLite` looks for each number among those before it.
fn places(count: usize) -> String {
    vec!["?"; count].join(", ")
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
fn columns(rows: Vec<Vec<Value>>) -> Result<Vec<Value>, Fault> {
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
