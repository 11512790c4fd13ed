//! `stayhand kill`, `pause`, `resume`, `rearm`, `lock` and `unlock`: orders of people.

use crate::args::{Global, Lock, Order as Words, Signed};
use crate::{Exit, home, show};
use anstream::{eprintln, println};
use stayhand_core::control::lock::{LockReleased, LockSet};
use stayhand_core::control::switch::{Order, SwitchMoved};
use stayhand_runtime::OrderError;

pub(super) fn switch(global: &Global, words: &Words, order: Order) -> anyhow::Result<Exit> {
    let engine = super::engine_for_orders(global)?;
    let moved = SwitchMoved {
        scope: words.scope.clone(),
        order,
        by: by(&words.signed),
        reason: words.signed.reason.clone(),
    };
    match engine.order(moved.clone()) {
        Ok(()) if global.json => {
            show::json(&moved)?;
            Ok(Exit::Permitted)
        }
        Ok(()) => {
            println!("{}", moved.line());
            println!("{} by {}", moved.scope, moved.by);
            Ok(Exit::Permitted)
        }
        // Whoever wants it stopped finds it stopped.
        Err(OrderError::Nowhere { scope, position, .. }) if order == Order::Kill => {
            println!("{scope} is {} already; `stayhand status` says since when", position.name());
            Ok(Exit::Permitted)
        }
        Err(error) => not_followed(error),
    }
}

pub(super) fn lock(global: &Global, lock: &Lock) -> anyhow::Result<Exit> {
    let engine = super::engine_for_orders(global)?;
    let now = engine.clock().now();
    let set = LockSet {
        scope: lock.order.scope.clone(),
        reason: lock.order.signed.reason.clone(),
        cause: "person".to_owned(),
        tier: None,
        by: by(&lock.order.signed),
        expires: lock.seconds.map(|seconds| now.plus_seconds(seconds)),
    };
    if let Err(error) = engine.set_lock(set.clone()) {
        return not_followed(error);
    }
    if global.json {
        show::json(&set)?;
    } else {
        println!("locked {} by {}: {}", set.scope, set.by, set.reason);
    }
    Ok(Exit::Permitted)
}

pub(super) fn unlock(global: &Global, words: &Words) -> anyhow::Result<Exit> {
    let engine = super::engine_for_orders(global)?;
    let released = LockReleased {
        scope: words.scope.clone(),
        by: by(&words.signed),
        reason: words.signed.reason.clone(),
    };
    if let Err(error) = engine.release_lock(released.clone()) {
        return not_followed(error);
    }
    if global.json {
        show::json(&released)?;
    } else {
        println!("unlocked {} by {}", released.scope, released.by);
    }
    Ok(Exit::Permitted)
}

pub(super) fn by(words: &Signed) -> String {
    words.by.clone().unwrap_or_else(home::person)
}

pub(super) fn not_followed(error: OrderError) -> anyhow::Result<Exit> {
    match error {
        OrderError::Engine(error) => Err(error.into()),
        OrderError::Nameless => Err(home::usage(error.to_string())),
        OrderError::Nowhere { .. }
        | OrderError::NotLocked(_)
        | OrderError::NoBreaker(..)
        | OrderError::Figure(_) => {
            eprintln!("{} not followed: {error}", show::styled(show::RED, "error:"));
            Ok(Exit::Refused)
        }
    }
}
