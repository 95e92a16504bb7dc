//! stub
#[doc(hidden)]
pub mod proto;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod wire;
pub use wire::{Nickname, NicknameError};
