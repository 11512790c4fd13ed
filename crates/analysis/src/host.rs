//! Hosts.
use std::net::IpAddr;
use stayhand_core::facts::{AddressClass, Aspect, HostUse, Opaque};

/// The host that `text` names.
pub fn host_use(text: &str) -> Result<HostUse, Opaque> {
    let _ = text;
    Err(Opaque { aspect: Aspect::Hosts, why: "not understood".into() })
}

/// Where `ip` lies.
pub fn class_of(_ip: IpAddr) -> AddressClass {
    AddressClass::Reserved
}
