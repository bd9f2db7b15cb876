//! Many rows in one statement.

use uuid::Uuid;

use crate::backend::{Dialect, Session};
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{Row, Value, broken};

/// At most so many rows go with one statement: the parameters of one are numbered by 15 bits in SQLite.
const ROWS: usize = 1_000;

impl<S: Session> Cursor<'_, S> {
    /// Inserts rows into `table (columns)`; one that is in the way of another is a fault of all.
    pub(super) async fn insert_rows(&mut self, into: &str, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
        let (wanted, mut written) = (rows.len(), 0);
        let columns = into.split_once(' ').map_or(into, |(_, columns)| columns);
        let tail = format!("INSERT INTO {into} SELECT * FROM given WHERE 1 = 1 ON CONFLICT DO NOTHING RETURNING 1");
        for part in parts(rows) {
            written += self.with_rows(columns, part, &tail).await?.len();
        }
        expect(wanted, written)
    }

    /// Carries out a statement that goes on after `WITH given (columns) AS (the rows)`.
    pub(super) async fn with_rows(
        &mut self,
        columns: &str,
        rows: Vec<Vec<Value>>,
        tail: &str,
    ) -> Result<Vec<Row>, Fault> {
        let (table, values) = self.dialect.table(rows)?;
        self.rows(&format!("WITH given {columns} AS ({table}) {tail}"), values).await
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
            if self.dialect.locks_rows {
                let sql = format!("{select} WHERE {column} = ANY($1) {tail}");
                found.extend(self.rows(&sql, vec![Value::ids(part)]).await?);
            } else {
                let sql = format!("{select} WHERE {column} IN ({}) {tail}", numbered(1, part.len()));
                found.extend(self.rows(&sql, part.into_iter().map(Value::from).collect()).await?);
            }
        }
        Ok(found)
    }
}

impl Dialect {
    /// Rows as a table, with its parameters: lists where the database has them, else value by value.
    fn table(&self, rows: Vec<Vec<Value>>) -> Result<(String, Vec<Value>), Fault> {
        if self.locks_rows {
            let lists = columns(rows)?;
            return Ok((format!("SELECT * FROM {}", unnest(&lists)), lists));
        }
        let width = rows.first().map_or(0, Vec::len);
        let row = |index: usize| format!("({})", numbered(index * width + 1, width));
        let table = (0..rows.len()).map(row).collect::<Vec<_>>().join(", ");
        Ok((format!("VALUES {table}"), rows.into_iter().flatten().collect()))
    }
}

/// Fewer than expected: something is in the way, which the changes find out apart.
pub(super) fn expect(wanted: usize, written: usize) -> Result<(), Fault> {
    if written == wanted { Ok(()) } else { Err(Fault::Again(None)) }
}

fn parts<T>(rows: Vec<T>) -> impl Iterator<Item = Vec<T>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || Some(rows.by_ref().take(ROWS).collect::<Vec<_>>()).filter(|part| !part.is_empty()))
}

/// `$first, $first+1, ..`.
fn numbered(first: usize, count: usize) -> String {
    (first..first + count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
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
