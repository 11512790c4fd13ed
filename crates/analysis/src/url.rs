//! URLs.
use stayhand_core::facts::{Aspect, HostUse, Opaque};

/// The host that a request to `text` would contact.
pub fn host_use(text: &str, method: Option<&str>) -> Result<HostUse, Opaque> {
    let _ = (text, method);
    Err(Opaque { aspect: Aspect::Hosts, why: "not understood".into() })
}
