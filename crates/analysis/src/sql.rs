//! SQL.
use stayhand_core::facts::{Aspect, Opaque, Statement};

/// The statements of `text`.
pub fn statements(text: &str, dialect: Option<&str>) -> Result<Vec<Statement>, Opaque> {
    let _ = (text, dialect);
    Err(Opaque { aspect: Aspect::Statements, why: "not understood".into() })
}
