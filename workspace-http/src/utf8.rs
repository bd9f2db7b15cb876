//! Bytes that come in pieces, as text.

/// Turns pieces of bytes into pieces of text. A character that is cut in two waits for its rest; what is not UTF-8
/// becomes U+FFFD.
#[derive(Debug, Default)]
pub(crate) struct Utf8Pieces {
    /// The beginning of a character, at most 3 bytes.
    rest: Vec<u8>,
}

impl Utf8Pieces {
    /// The text of the next piece; empty when it only began a character.
    pub(crate) fn push(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        self.rest = bytes.split_off(bytes.len() - unfinished(&bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The text of what still waits.
    pub(crate) fn finish(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.rest)).into_owned()
    }
}

/// How many bytes at the end begin a character that is not complete.
fn unfinished(bytes: &[u8]) -> usize {
    let tail = &bytes[bytes.len().saturating_sub(3)..];
    (1..=tail.len())
        .find(|back| {
            let first = tail[tail.len() - back];
            let length = match first {
                0xC2..=0xDF => 2,
                0xE0..=0xEF => 3,
                0xF0..=0xF4 => 4,
                _ => 0,
            };
            length > *back
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Utf8Pieces;

    #[test]
    fn cut_characters_are_joined() {
        let text = "aä€😀z";
        for size in 1..=5 {
            let mut pieces = Utf8Pieces::default();
            let mut joined: String = text.as_bytes().chunks(size).map(|piece| pieces.push(piece)).collect();
            joined.push_str(&pieces.finish());
            assert_eq!(joined, text, "{size}");
        }
    }

    #[test]
    fn other_bytes_become_replacements() {
        let mut pieces = Utf8Pieces::default();
        assert_eq!(pieces.push(b"a\xFFb\xE2\x82"), "a\u{FFFD}b");
        assert_eq!(pieces.finish(), "\u{FFFD}");
        assert_eq!(pieces.finish(), "");
    }
}
