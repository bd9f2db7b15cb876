//! Frames: a length, a kind, the number of a request, a payload. Pure: no I/O.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The largest payload of a frame, in bytes: 1 MiB.
pub const MAX_PAYLOAD: usize = 1 << 20;

/// How many bytes of data senders put into one frame at most: 64 KiB, so that no request hogs the stream.
pub const CHUNK: usize = 64 << 10;

/// Kind and request number, which the length covers beside the payload.
const HEADER: usize = 5;

/// Smaller payloads are copied out of the read buffer, lest a few bytes keep a large buffer alive.
const COPY_BELOW: usize = 4 << 10;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// The worker's first frame.
    Hello = 1,
    /// Opens a request.
    Request = 2,
    /// Bytes of a file, of stdin or of stdout.
    Data = 3,
    /// Bytes of stderr.
    Stderr = 4,
    /// The first good answer to a request that goes on.
    Answer = 5,
    /// The last frame of its sender.
    End = 6,
    /// The request failed; the last frame.
    Failed = 7,
    /// End what the request started.
    Cancel = 8,
    /// Room for more data.
    Window = 9,
    /// Are you there?
    Ping = 10,
    /// I am.
    Pong = 11,
}

impl FrameKind {
    const ALL: [Self; 11] = [
        Self::Hello,
        Self::Request,
        Self::Data,
        Self::Stderr,
        Self::Answer,
        Self::End,
        Self::Failed,
        Self::Cancel,
        Self::Window,
        Self::Ping,
        Self::Pong,
    ];

    fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|&kind| kind as u8 == byte)
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: FrameKind,
    /// The request that it belongs to; 0 for those of the whole channel.
    pub request: u32,
    /// What it carries, at most [`MAX_PAYLOAD`] bytes.
    pub payload: Bytes,
}

/// Why bytes are no frame, or a frame cannot be written. The stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length is above [`MAX_PAYLOAD`].
    #[error("a frame of {0} bytes is too large")]
    TooLarge(usize),
    /// The length has no room for kind and request number.
    #[error("a frame of {0} bytes is too short")]
    TooShort(usize),
    /// No such kind.
    #[error("no frame has the kind {0}")]
    UnknownKind(u8),
}

impl Frame {
    /// A frame with a payload.
    pub fn new(kind: FrameKind, request: u32, payload: impl Into<Bytes>) -> Self {
        Self { kind, request, payload: payload.into() }
    }

    /// A frame without a payload.
    pub fn empty(kind: FrameKind, request: u32) -> Self {
        Self::new(kind, request, Bytes::new())
    }

    /// A grant of room.
    pub fn window(request: u32, room: u32) -> Self {
        Self::new(FrameKind::Window, request, Bytes::copy_from_slice(&room.to_be_bytes()))
    }

    /// The room that a `Window` frame grants; 0 for one that makes no sense.
    pub fn room(&self) -> u32 {
        self.payload.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// What the frame takes of its window: its bytes and what keeping it costs, so that many tiny frames are bounded
    /// as well. 0 for frames that carry no data.
    pub fn cost(&self) -> u32 {
        match self.kind {
            FrameKind::Data | FrameKind::Stderr => {
                u32::try_from(self.payload.len()).unwrap_or(u32::MAX).saturating_add(64)
            }
            _ => 0,
        }
    }

    /// Appends the frame to a buffer.
    ///
    /// # Errors
    /// [`FrameError::TooLarge`]; nothing is appended then.
    pub fn encode(&self, buffer: &mut BytesMut) -> Result<(), FrameError> {
        let length = self.payload.len();
        let announced = u32::try_from(length + HEADER).map_err(|_| FrameError::TooLarge(length))?;
        if length > MAX_PAYLOAD {
            return Err(FrameError::TooLarge(length));
        }
        buffer.reserve(4 + HEADER + length);
        buffer.put_u32(announced);
        buffer.put_u8(self.kind as u8);
        buffer.put_u32(self.request);
        buffer.put_slice(&self.payload);
        Ok(())
    }

    /// Takes the first frame out of a buffer; `None` when it is not there wholly. Reserves nothing: what the length
    /// promises costs no memory before it came.
    ///
    /// # Errors
    /// When the buffer does not begin with a frame.
    pub fn decode(buffer: &mut BytesMut) -> Result<Option<Self>, FrameError> {
        let Some(announced) = buffer.first_chunk().map(|bytes| u32::from_be_bytes(*bytes)) else {
            return Ok(None);
        };
        let length = usize::try_from(announced).unwrap_or(usize::MAX);
        if length > MAX_PAYLOAD + HEADER {
            return Err(FrameError::TooLarge(length));
        }
        if length < HEADER {
            return Err(FrameError::TooShort(length));
        }
        if let Some(&byte) = buffer.get(4)
            && FrameKind::from_byte(byte).is_none()
        {
            return Err(FrameError::UnknownKind(byte));
        }
        if buffer.len() < 4 + length {
            return Ok(None);
        }
        buffer.advance(4);
        let byte = buffer.get_u8();
        let kind = FrameKind::from_byte(byte).ok_or(FrameError::UnknownKind(byte))?;
        let request = buffer.get_u32();
        let payload = buffer.split_to(length - HEADER);
        let payload = if payload.len() < COPY_BELOW { Bytes::copy_from_slice(&payload) } else { payload.freeze() };
        Ok(Some(Self { kind, request, payload }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame() -> impl Strategy<Value = Frame> {
        (0..FrameKind::ALL.len(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..6_000))
            .prop_map(|(kind, request, payload)| Frame::new(FrameKind::ALL[kind], request, payload))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn frames_survive_any_cut(frames in proptest::collection::vec(frame(), 1..6), cut in 1_usize..4_000) {
            let mut wire = BytesMut::new();
            for frame in &frames {
                frame.encode(&mut wire).unwrap();
            }
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            for piece in wire.chunks(cut) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = Frame::decode(&mut buffer).unwrap() {
                    got.push(frame);
                }
            }
            prop_assert_eq!(got, frames);
            prop_assert!(buffer.is_empty());
        }

        #[test]
        fn hostile_bytes_neither_panic_nor_allocate(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut buffer = BytesMut::from(&bytes[..]);
            let before = buffer.capacity();
            while let Ok(Some(frame)) = Frame::decode(&mut buffer) {
                prop_assert!(frame.payload.len() <= bytes.len());
            }
            prop_assert!(buffer.capacity() <= before);
        }
    }

    #[test]
    fn bad_lengths_and_kinds_are_told_apart() {
        let decode = |bytes: &[u8]| Frame::decode(&mut BytesMut::from(bytes));
        assert_eq!(decode(&[0xff; 4]), Err(FrameError::TooLarge(0xffff_ffff)));
        assert_eq!(decode(&[0, 0, 0, 4]), Err(FrameError::TooShort(4)));
        assert_eq!(decode(&[0, 0, 0, 5, 77]), Err(FrameError::UnknownKind(77)));
        assert_eq!(decode(&[0, 0, 0, 5]), Ok(None));
        let large = Frame::new(FrameKind::Data, 1, vec![0; MAX_PAYLOAD + 1]);
        assert_eq!(large.encode(&mut BytesMut::new()), Err(FrameError::TooLarge(MAX_PAYLOAD + 1)));
    }
}
