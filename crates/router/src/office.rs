//! The office behind this router: what is not about seats is passed on to it, and the catalogue for
//! pages is read from it.

mod catalogue;
mod client;

pub(crate) use catalogue::{ArtistEntry, Catalogue, EventEntry, TierEntry, VenueEntry};
pub(crate) use client::{Failure, Office};
