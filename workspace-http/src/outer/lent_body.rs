//! A request's body, lent to the handler: what is left unread comes back.
//!
//! An answer that is sent while the client still sends ends in a reset of the connection, and the client may never see
//! it. So what nobody read is read and dropped before the answer goes out, within bounds.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body_util::BodyExt;

/// The most that is read only to be dropped.
const MOST: u64 = 128 << 20;

/// The longest that this may take.
const LONGEST: Duration = Duration::from_secs(10);

/// Where a body comes back to.
#[derive(Clone, Default)]
pub(super) struct Returned(Arc<Mutex<Option<Body>>>);

impl Returned {
    /// Lends a body; it comes back here.
    pub(super) fn lend(&self, body: Body) -> Body {
        if body.is_end_stream() { body } else { Body::new(Lent { body: Some(body), back: self.clone() }) }
    }

    /// Reads what is left of the body and drops it.
    pub(super) async fn drain(&self) {
        let Some(mut body) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        if body.size_hint().lower() > MOST {
            return;
        }
        let read = async {
            let mut left = MOST;
            while let Some(Ok(frame)) = body.frame().await {
                let size = frame.data_ref().map_or(0, Bytes::len);
                left = left.saturating_sub(u64::try_from(size).unwrap_or(u64::MAX));
                if left == 0 {
                    return;
                }
            }
        };
        // What is not over by then is cut.
        let _ = tokio::time::timeout(LONGEST, read).await;
    }
}

struct Lent {
    body: Option<Body>,
    back: Returned,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        match self.body.as_mut() {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        *self.back.0.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }
}
