//! The network boundary. Metadata services are refused whatever the policy says.

use crate::decide::{Answers, Ask};
use crate::decision::{Effect, Finding, GuardName, Obligation, Resource};
use crate::facts::{AddressClass, Aspect, HostUse, Operation};
use crate::policy::Policy;
use crate::policy::boundary::NetworkBoundary;
use crate::reason::Reason;
use crate::state::State;
use crate::time::Timestamp;

pub(super) fn check(policy: &Policy, _: &State, ask: &Ask<'_>, _: Timestamp, answers: &mut Answers) {
    for op in &ask.facts.operations {
        for host in &op.hosts {
            if let Some(finding) = judge_all(policy, host) {
                answers.add(finding);
            }
        }
        hidden_hosts(policy, op, answers);
    }
    if ask.request.action.0 == "connect"
        && let Some(limit) = policy.boundaries.network.iter().filter_map(|boundary| boundary.max_mb).min()
    {
        answers.oblige(Obligation::Limit { resource: Resource::NetworkMb, limit });
    }
}

/// A116b for hosts: an allow list with hosts that cannot be known.
fn hidden_hosts(policy: &Policy, op: &Operation, answers: &mut Answers) {
    let listed =
        |boundary: &NetworkBoundary| boundary.allow_hosts.is_some() || boundary.allow_ports.is_some();
    if let Some(boundary) = policy.boundaries.network.iter().find(|boundary| listed(boundary))
        && op.may_have_more(Aspect::Hosts)
    {
        let why = op.opaque.first().map(|opaque| opaque.why.as_str()).unwrap_or_default();
        let finding = Finding::new(GuardName::Network, Reason::HostUnknown, Effect::Approve);
        answers.add(finding.named(boundary.name.as_ref()).because(why));
    }
}

fn deny(reason: Reason, subject: &str) -> Option<Finding> {
    Some(Finding::new(GuardName::Network, reason, Effect::Deny).subject(subject))
}

fn judge_all(policy: &Policy, host: &HostUse) -> Option<Finding> {
    if host.class == AddressClass::Metadata {
        return deny(Reason::MetadataAddress, &host.host);
    }
    let boundaries = &policy.boundaries;
    if !boundaries.addresses_stated && !NetworkBoundary::USUAL_ADDRESSES.contains(&host.class) {
        return deny(Reason::PrivateAddress, &host.host);
    }
    let judged = |boundary: &NetworkBoundary| Some(judge(boundary, host)?.named(boundary.name.as_ref()));
    boundaries.network.iter().find_map(judged)
}

/// A118: address, blocked host, blocked port, allowed host, allowed port.
fn judge(boundary: &NetworkBoundary, host: &HostUse) -> Option<Finding> {
    let port = host.port.map(|port| port.to_string()).unwrap_or_default();
    if boundary.addresses.as_ref().is_some_and(|classes| !classes.contains(&host.class)) {
        return deny(Reason::PrivateAddress, &host.host);
    }
    if boundary.blocked_hosts.as_ref().is_some_and(|set| set.touches(host)) {
        return deny(Reason::HostBlocked, &host.host);
    }
    if host.port.is_some_and(|port| boundary.blocked_ports.contains(&port)) {
        return deny(Reason::PortBlocked, &port);
    }
    if boundary.allow_hosts.as_ref().is_some_and(|set| !set.contains(host)) {
        return deny(Reason::HostNotAllowed, &host.host);
    }
    let listed = |ports: &Vec<u16>| host.port.is_some_and(|port| ports.contains(&port));
    if boundary.allow_ports.as_ref().is_some_and(|ports| !listed(ports)) {
        return deny(Reason::PortNotAllowed, &port);
    }
    None
}
