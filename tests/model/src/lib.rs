//! The protocol as six small models. A checker visits every state that they can come to, whatever the order of steps, and looks
//! whether the promises of ARCHITECTURE.md hold in each.
//!
//! A model is only worth something if it would find a fault. So each mistake of the table of traps that concerns the protocol can
//! be switched on ([`Trap`]), and must then break a promise. What the models cover, and what not, is in docs/adr/0020-model.md.

pub mod balances;
pub mod door;
pub mod explore;
pub mod marks;
pub mod moments;
pub mod reversals;
pub mod statements;
mod trap;

pub use trap::Trap;
