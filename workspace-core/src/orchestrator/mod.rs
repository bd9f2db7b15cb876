//! Operations on a fleet, one per file, and the converge steps that carry them out.
