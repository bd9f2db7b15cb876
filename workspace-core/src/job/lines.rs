//! Events from the bytes of a log.

use bytes::{Buf, Bytes, BytesMut};

use super::LINE_BYTES;
use crate::port::JobEvent;

/// Puts pieces of a log together to lines and reads the events in them.
///
/// What is no event is dropped: a log may hold a word of the container's runtime, and the last line may be cut.
#[derive(Debug, Default)]
pub struct Lines {
    rest: BytesMut,
}

impl Lines {
    /// Takes the next piece; answers with the events that are complete now.
    pub fn push(&mut self, piece: &Bytes) -> Vec<JobEvent> {
        self.rest.extend_from_slice(piece);
        let mut events = Vec::new();
        while let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') {
            let line = self.rest.split_to(end);
            self.rest.advance(1);
            events.extend(serde_json::from_slice(&line).ok());
        }
        // No event is longer: this is none.
        if self.rest.len() > 2 * LINE_BYTES {
            self.rest.clear();
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pieces_become_events() {
        let mut lines = Lines::default();
        let text = "{\"seq\":1,\"kind\":\"accepted\",\"data\":{}}\nnoise\n{\"seq\":2,\"kind\":\"output\",\"data\":{\"text\":\"ü\"}}\n";
        let mut events = Vec::new();
        for byte in text.as_bytes().chunks(3) {
            events.extend(lines.push(&Bytes::copy_from_slice(byte)));
        }
        let seqs: Vec<_> = events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, [1, 2]);
        assert_eq!(events[1].data, json!({ "text": "ü" }));
        assert!(lines.push(&Bytes::from(vec![b'x'; 3 * LINE_BYTES])).is_empty());
        assert_eq!(lines.push(&Bytes::from_static(b"{\"seq\":3,\"kind\":\"finished\",\"data\":{}}\n")).len(), 1);
    }
}
