//! The protocol of the channel: many requests over one pair of byte streams.
