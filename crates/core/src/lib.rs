//! The pure decision core.
pub mod decision;
pub mod digest;
pub mod event;
pub mod facts;
pub mod reason;
pub mod request;
pub mod risk;
pub mod time;
pub mod tool;
