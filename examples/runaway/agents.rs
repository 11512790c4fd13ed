//! Three agents that run away. Each follows a script: the only thing that stops it is the policy.

#[path = "world.rs"]
pub(crate) mod world;

use serde_json::json;
use stayhand_core::event::{Outcome, Usage};
use world::{Anything, Run, Wish, World};

/// The policy they live under.
pub(crate) const POLICY: &str = include_str!("policy.yaml");

/// Who is to be stopped: run, layer, step.
pub(crate) const EXPECTED: [(&str, &str, u32); 4] =
    [("loop", "budget", 19), ("flaky", "breaker", 11), ("burst", "anomaly", 43), ("ramp", "anomaly", 111)];

/// Lets all of them run.
pub(crate) fn all(world: &World) -> Result<[Run; 4], Anything> {
    Ok([looping(world)?, flaky(world)?, burst(world)?, ramp(world)?])
}

/// Asks a model again and again. Each call sends the whole conversation, so each costs more than the one before.
pub(crate) fn looping(world: &World) -> Result<Run, Anything> {
    let model = "small-model";
    let call = |number: u32| {
        world.wait(30);
        let input = 2000 * u64::from(number);
        let wish = Wish {
            tool: "ask_model",
            input: json!({ "prompt": format!("That did not work. Try again ({number}).") }),
            context: json!({ "model": model, "input_tokens": input, "max_output_tokens": 1000 }),
            words: format!("ask a model, {input} tokens"),
        };
        let used = Usage { model: model.to_owned(), input, output: 600, ..Usage::default() };
        world.ask(("loop", number), wish, (Outcome::Done, Some(used)))
    };
    Ok(Run { name: "loop", steps: (1..=25).map(call).collect::<Result<_, _>>()? })
}

/// Calls a service every ten seconds. From the seventh to the twentieth call the service is down.
pub(crate) fn flaky(world: &World) -> Result<Run, Anything> {
    let host = "rates.example.com";
    let call = |number: u32| {
        world.wait(10);
        let down = (7..=20).contains(&number);
        let ending = if down { Outcome::Failed { error: "no answer".to_owned() } } else { Outcome::Done };
        let wish = Wish {
            tool: "call_service",
            input: json!({ "host": host, "page": number }),
            context: json!({}),
            words: format!("call {host}"),
        };
        world.ask(("flaky", number), wish, (ending, None))
    };
    Ok(Run { name: "flaky", steps: (1..=32).map(call).collect::<Result<_, _>>()? })
}

/// Places an order every minute: forty of about a hundred dollars, three of about twenty-five hundred, two as before.
pub(crate) fn burst(world: &World) -> Result<Run, Anything> {
    let dollars = |number: u32| if (41..=43).contains(&number) { 2459 + number } else { 97 + number * 5 % 7 };
    let place = |number: u32| order(world, number, 100 * dollars(number));
    Ok(Run { name: "burst", steps: (1..=45).map(place).collect::<Result<_, _>>()? })
}

/// Somebody lets `burst` go on. It places twenty ordinary orders, and then each is ten cents larger than the one before.
pub(crate) fn ramp(world: &World) -> Result<Run, Anything> {
    if world.engine.refreshed(|state, _| state.switches().moved().next().is_some())? {
        world.resume("burst")?;
    }
    let cents = |number: u32| 100 * (97 + number * 5 % 7) + 10 * number.saturating_sub(65);
    let place = |number: u32| order(world, number, cents(number));
    Ok(Run { name: "ramp", steps: (46..=165).map(place).collect::<Result<_, _>>()? })
}

fn order(world: &World, number: u32, cents: u32) -> Result<world::Step, Anything> {
    world.wait(60);
    let amount = format!("{}.{:02}", cents / 100, cents % 100);
    let wish = Wish {
        tool: "place_order",
        words: format!("order for ${amount}"),
        input: json!({ "amount": amount, "number": number }),
        context: json!({}),
    };
    world.ask(("burst", number), wish, (Outcome::Done, None))
}
