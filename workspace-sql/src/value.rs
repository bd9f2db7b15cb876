//! What goes into a statement and comes out of it, the same for every database.

use uuid::Uuid;
use workspace_core::clock::Timestamp;
use workspace_core::error::{Error, ErrorKind, Result};

/// A parameter of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Id(Option<Uuid>),
    /// For Postgres alone, as the other lists: `= ANY($n)` and `unnest($n)`.
    Ids(Vec<Option<Uuid>>),
    Ints(Vec<Option<i64>>),
    Texts(Vec<Option<String>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Value {
    /// A list of ids.
    pub(crate) fn ids(ids: impl IntoIterator<Item = Uuid>) -> Self {
        Self::Ids(ids.into_iter().map(Some).collect())
    }
}

macro_rules! value_from {
    ($($type:ty, $name:ident => $value:expr;)*) => {$(
        impl From<$type> for Value {
            fn from($name: $type) -> Self {
                $value
            }
        }
    )*};
}

value_from! {
    i64, value => Self::Int(Some(value));
    // No count of ours comes near; amounts that absurd are as good as the largest.
    u64, value => Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)));
    u32, value => Self::Int(Some(i64::from(value)));
    bool, value => Self::Int(Some(i64::from(value)));
    Timestamp, value => Self::Int(Some(value.as_micros()));
    Option<Timestamp>, value => Self::Int(value.map(Timestamp::as_micros));
    &str, value => Self::Text(Some(value.to_owned()));
    String, value => Self::Text(Some(value));
    Option<String>, value => Self::Text(value);
    Vec<u8>, value => Self::Bytes(Some(value));
    Option<Vec<u8>>, value => Self::Bytes(value);
    [u8; 32], value => Self::Bytes(Some(value.to_vec()));
    Uuid, value => Self::Id(Some(value));
    Option<Uuid>, value => Self::Id(value);
}

/// Parameters of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

/// A field of a row as the database gave it.
#[derive(Clone, Debug)]
pub(crate) enum Field {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    /// Only Postgres has a type for ids.
    #[cfg(feature = "postgres")]
    Id(Uuid),
}

/// A row of an answer; fields are read from left to right.
#[derive(Debug)]
pub(crate) struct Row(std::vec::IntoIter<Field>);

impl Row {
    pub(crate) fn new(fields: Vec<Field>) -> Self {
        Self(fields.into_iter())
    }

    fn next(&mut self) -> Result<Field> {
        self.0.next().ok_or_else(|| broken("too few fields"))
    }

    pub(crate) fn opt_int(&mut self) -> Result<Option<i64>> {
        match self.next()? {
            Field::Null => Ok(None),
            Field::Int(value) => Ok(Some(value)),
            _ => Err(broken("no number")),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64> {
        self.opt_int()?.ok_or_else(|| broken("no number"))
    }

    /// A number that is never negative.
    pub(crate) fn count(&mut self) -> Result<u64> {
        u64::try_from(self.int()?).map_err(|_| broken("a negative number"))
    }

    pub(crate) fn flag(&mut self) -> Result<bool> {
        Ok(self.int()? != 0)
    }

    pub(crate) fn moment(&mut self) -> Result<Timestamp> {
        self.int().map(Timestamp::from_micros)
    }

    pub(crate) fn opt_moment(&mut self) -> Result<Option<Timestamp>> {
        Ok(self.opt_int()?.map(Timestamp::from_micros))
    }

    pub(crate) fn opt_text(&mut self) -> Result<Option<String>> {
        match self.next()? {
            Field::Null => Ok(None),
            Field::Text(text) => Ok(Some(text)),
            _ => Err(broken("no text")),
        }
    }

    pub(crate) fn text(&mut self) -> Result<String> {
        self.opt_text()?.ok_or_else(|| broken("no text"))
    }

    pub(crate) fn opt_bytes(&mut self) -> Result<Option<Vec<u8>>> {
        match self.next()? {
            Field::Null => Ok(None),
            Field::Bytes(bytes) => Ok(Some(bytes)),
            _ => Err(broken("no bytes")),
        }
    }

    pub(crate) fn hash(&mut self) -> Result<[u8; 32]> {
        let bytes = self.opt_bytes()?.ok_or_else(|| broken("no hash"))?;
        bytes.try_into().map_err(|_| broken("no hash"))
    }

    pub(crate) fn opt_id(&mut self) -> Result<Option<Uuid>> {
        match self.next()? {
            Field::Null => Ok(None),
            #[cfg(feature = "postgres")]
            Field::Id(id) => Ok(Some(id)),
            Field::Text(text) => Uuid::try_parse(&text).map(Some).map_err(|_| broken("no id")),
            _ => Err(broken("no id")),
        }
    }

    pub(crate) fn id(&mut self) -> Result<Uuid> {
        self.opt_id()?.ok_or_else(|| broken("no id"))
    }

    /// What was written by [`json`].
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T> {
        serde_json::from_str(&self.text()?).map_err(|error| broken("unreadable JSON").source(error))
    }
}

/// A part of the model as text.
pub(crate) fn json<T: serde::Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "a row cannot be written as JSON").source(error))
}

pub(crate) fn broken(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("a row of the store has {what} where it should have"))
        .hint("the database was changed by hand or by a later release: restore it or use that release")
}
