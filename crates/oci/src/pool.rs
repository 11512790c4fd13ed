//! Containers that are made before they are wanted.

use crate::container::Container;
use crate::engine::Engine;
use crate::probe::{self, Seen};
use crate::profile::{self, Profile};
use stayhand_runtime::{ContainerEnd, Spoken};
use stayhand_sandbox::{Failure, Receipt};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long the probe may take.
const PROBE: Duration = Duration::from_secs(60);

/// Containers of one profile whose boundary was seen to be in force. After one was taken, another one for the same program
/// is made in the background.
#[derive(Debug)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
    maker: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    profile: Profile,
    /// The digest of the image.
    image: String,
    receipt: Receipt,
    ready: Mutex<Option<Ready>>,
}

/// What a container was made for.
type For = (Vec<String>, Vec<String>);

#[derive(Debug)]
struct Ready {
    wanted: For,
    container: Container,
}

impl Pool {
    /// Finds the image and tries the boundary out.
    pub(crate) fn new(engine: &Arc<Engine>, profile: Profile) -> Result<Self, Failure> {
        let image = image(engine, &profile.image)?;
        let receipt = probed(engine, &profile, &image)?;
        let shared = Shared { engine: Arc::clone(engine), profile, image, receipt, ready: Mutex::new(None) };
        Ok(Self { shared: Arc::new(shared), maker: Mutex::new(None) })
    }
}

impl Shared {
    fn make(&self, (argv, keep): &For) -> Result<Container, Failure> {
        Container::make(&self.engine, (&self.profile, &self.image), argv, keep)
    }

    fn ready(&self) -> MutexGuard<'_, Option<Ready>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl stayhand_runtime::Containers for Pool {
    fn make(
        &self,
        argv: &[String],
        keep: &[String],
    ) -> Result<Box<dyn stayhand_runtime::Container>, Failure> {
        let mut maker = self.maker.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = maker.take() {
            drop(thread.join());
        }
        let wanted = (argv.to_vec(), keep.to_vec());
        // One that was made for something else is removed.
        let found = self.shared.ready().take().filter(|ready| ready.wanted == wanted);
        let container = match found {
            Some(ready) => ready.container,
            None => self.shared.make(&wanted)?,
        };
        let shared = Arc::clone(&self.shared);
        let next = move || {
            // Whoever wants one makes it then, and hears what is wrong.
            if let Ok(container) = shared.make(&wanted) {
                *shared.ready() = Some(Ready { wanted, container });
            }
        };
        *maker = std::thread::Builder::new().name("containers".to_owned()).spawn(next).ok();
        Ok(Box::new(Taken { container, receipt: self.shared.receipt.clone() }))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let maker = self.maker.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = maker.take() {
            drop(thread.join());
        }
    }
}

#[derive(Debug)]
struct Taken {
    container: Container,
    receipt: Receipt,
}

impl stayhand_runtime::Container for Taken {
    fn folder(&self) -> &Path {
        self.container.folder()
    }

    fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    fn run(
        &self,
        time: Duration,
        said: &mut dyn FnMut(Spoken, &[u8]),
        stop: &dyn Fn() -> Option<Arc<str>>,
    ) -> Result<ContainerEnd, Failure> {
        self.container.run(time, said, stop)
    }
}

/// The digest of an image that the engine has. Its volumes would be folders that can be written without a limit.
fn image(engine: &Engine, name: &str) -> Result<String, Failure> {
    let found = engine.ask(engine.docker.inspect_image(name)).map_err(|failure| {
        Failure::other(format!(
            "{failure}; images are not fetched from here: `podman pull {name}` or `docker pull {name}` does"
        ))
    })?;
    let volumes = found.config.and_then(|config| config.volumes).unwrap_or_default();
    if !volumes.is_empty() {
        return Err(Failure::other(format!(
            "the image {name} declares volumes ({}), which no limit holds for",
            volumes.join(", ")
        )));
    }
    found.id.ok_or_else(|| Failure::other(format!("the image {name} has no digest")))
}

/// Tries the boundary out in a container of its own.
fn probed(engine: &Arc<Engine>, profile: &Profile, image: &str) -> Result<Receipt, Failure> {
    let container = Container::make(engine, (profile, image), &probe::argv(), &[])?;
    let mut said = Vec::new();
    let mut errors = Vec::new();
    let ended = container.run(
        PROBE,
        &mut |which, bytes| match which {
            Spoken::Output => said.extend_from_slice(bytes),
            Spoken::Error => errors.extend_from_slice(bytes),
        },
        &|| None,
    );
    // It ends with 2 where a file is not there, as some always are.
    if ended.is_err() || said.is_empty() {
        let why = match ended {
            Err(failure) => failure.to_string(),
            Ok(_) => String::from_utf8_lossy(&errors).trim().to_owned(),
        };
        return Err(Failure::other(format!(
            "the boundary of {} cannot be tried out with `grep`: {why}",
            profile.image
        )));
    }
    Seen::parse(&String::from_utf8_lossy(&said)).receipt(profile::user(), &profile.limits)
}
