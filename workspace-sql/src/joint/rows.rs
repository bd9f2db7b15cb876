//! Many rows in one statement.

use crate::backend::Session;
use crate::cursor::Cursor;
use crate::fault::Fault;
use crate::value::{Value, broken};

impl<S: Session> Cursor<'_, S> {
    /// Inserts rows into `table (columns)`; one that is in the way of another is a fault of all.
    pub(super) async fn insert_rows(&mut self, into: &str, rows: Vec<Vec<Value>>) -> Result<(), Fault> {
        let wanted = rows.len();
        if wanted == 0 {
            return Ok(());
        }
        let columns = columns(rows)?;
        let sql = format!(
            "WITH written AS (INSERT INTO {into} SELECT * FROM {} ON CONFLICT DO NOTHING RETURNING 1) \
             SELECT count(*) FROM written",
            unnest(&columns, 1)
        );
        let written = self.row(&sql, columns).await?.map_or(Ok(0), |mut row| row.count())?;
        expect(wanted, usize::try_from(written).ok())
    }
}

/// Fewer than expected: something is in the way, which the changes find out apart.
pub(super) fn expect(wanted: usize, written: Option<usize>) -> Result<(), Fault> {
    if written == Some(wanted) { Ok(()) } else { Err(Fault::Again(None)) }
}

/// The lists as a table; the first is parameter `$first`.
pub(super) fn unnest(lists: &[Value], first: usize) -> String {
    let of = |list: &Value| match list {
        Value::Ids(_) => "uuid",
        Value::Texts(_) => "text",
        Value::Blobs(_) => "bytea",
        _ => "bigint",
    };
    let lists: Vec<_> =
        lists.iter().enumerate().map(|(index, list)| format!("${}::{}[]", first + index, of(list))).collect();
    format!("unnest({})", lists.join(", "))
}

/// Turns rows into lists, one for each column.
pub(super) fn columns(rows: Vec<Vec<Value>>) -> Result<Vec<Value>, Fault> {
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
