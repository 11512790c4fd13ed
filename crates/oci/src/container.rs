//! One container: made for one program, run once, removed.

use crate::engine::{Engine, PATIENCE};
use crate::memory;
use crate::profile::{self, Profile};
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::ContainerWaitResponse;
use bollard::query_parameters::{AttachContainerOptions, KillContainerOptions, WaitContainerOptions};
use futures_util::{Stream, StreamExt as _};
use rustix::fs::{AtFlags, CWD, Gid, Uid, chownat};
use stayhand_runtime::{ContainerEnd, Spoken};
use stayhand_sandbox::Failure;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, timeout, timeout_at};

/// How often it is looked at whether the program has to stop.
const LOOK: Duration = Duration::from_millis(20);

/// What a container says, as it comes.
type Streams = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A container that has not been started, and its folder. Dropped, both are removed.
#[derive(Debug)]
pub(crate) struct Container {
    engine: Arc<Engine>,
    id: String,
    folder: TempDir,
}

impl Container {
    /// Has one made for this program.
    pub(crate) fn make(
        engine: &Arc<Engine>,
        (profile, image): (&Profile, &str),
        argv: &[String],
        keep: &[String],
    ) -> Result<Self, Failure> {
        let folder =
            tempfile::Builder::new().prefix("stayhand-sandbox-").tempdir().map_err(Failure::other)?;
        // What is kept from change is mounted, for which there has to be something.
        for name in keep {
            File::create(folder.path().join(name)).map_err(Failure::other)?;
        }
        let body = profile::container((profile, image), argv, folder.path(), keep);
        let made = engine.ask(engine.docker.create_container(None, body))?;
        Ok(Self { engine: Arc::clone(engine), id: made.id, folder })
    }

    /// Runs the program. `said` gets all that it says. It is ended at the deadline, and once `stop` says why.
    pub(crate) fn run(
        &self,
        time: Duration,
        said: &mut dyn FnMut(Spoken, &[u8]),
        stop: &dyn Fn() -> Option<Arc<str>>,
    ) -> Result<ContainerEnd, Failure> {
        give(self.folder.path(), profile::user()).map_err(Failure::other)?;
        let (engine, id) = (&self.engine, self.id.as_str());
        let mut ran_out = false;
        let mut looked = None;
        let mut stop = || {
            // As long as its control group is there, and not for every word that it says.
            let now = Instant::now();
            if looked.is_none_or(|before| now.duration_since(before) >= LOOK) {
                looked = Some(now);
                ran_out |= memory::ran_out(id);
            }
            stop()
        };
        let ended = engine.runtime.block_on(async {
            let streams = self.start().await?;
            // From here on it has been started, whatever becomes of it.
            let lost = |failure: Failure| ContainerEnd::Lost(failure.to_string());
            Ok(self.watch(streams, time, said, &mut stop).await.unwrap_or_else(lost))
        })?;
        Ok(match ended {
            ContainerEnd::Lost(_) => ended,
            _ if ran_out => ContainerEnd::OutOfMemory,
            ContainerEnd::Exit(_) if self.is_said_to_have_run_out() => ContainerEnd::OutOfMemory,
            _ => ended,
        })
    }

    /// What the kernel did, by the word of the engine. Not every one says so, or in a way that is understood.
    fn is_said_to_have_run_out(&self) -> bool {
        let inspected = self.engine.ask(self.engine.docker.inspect_container(&self.id, None));
        inspected.is_ok_and(|found| found.state.and_then(|state| state.oom_killed) == Some(true))
    }

    /// Starts it. The answer: what it says.
    async fn start(&self) -> Result<Streams, Failure> {
        let (engine, id) = (&self.engine, self.id.as_str());
        let failed = |error: Error| engine.failed(&error);
        let late = |_| Failure::other(format!("{} does not answer", engine.describe()));
        let options =
            AttachContainerOptions { stdout: true, stderr: true, stream: true, ..Default::default() };
        let attached = timeout(PATIENCE, engine.docker.attach_container(id, Some(options))).await;
        let streams = attached.map_err(late)?.map_err(failed)?.output;
        timeout(PATIENCE, engine.docker.start_container(id, None)).await.map_err(late)?.map_err(failed)?;
        Ok(streams)
    }

    /// From the start to the end.
    async fn watch(
        &self,
        mut streams: Streams,
        time: Duration,
        said: &mut dyn FnMut(Spoken, &[u8]),
        stop: &mut dyn FnMut() -> Option<Arc<str>>,
    ) -> Result<ContainerEnd, Failure> {
        let (engine, id) = (&self.engine, self.id.as_str());
        let failed = |error: Error| engine.failed(&error);
        let late = |_| Failure::other(format!("{} does not answer", engine.describe()));
        let deadline = Instant::now() + time;
        let limit = format!("{} ms of wall-clock time", time.as_millis());
        let mut must_stop = || match stop() {
            Some(why) => Some(why.to_string()),
            None => (Instant::now() >= deadline).then(|| limit.clone()),
        };
        let mut why = None;
        while why.is_none() {
            let frame = tokio::select! {
                frame = streams.next() => frame,
                () = sleep(LOOK) => { why = must_stop(); continue }
            };
            why = must_stop();
            let Some(frame) = frame else { break };
            pass_on(frame.map_err(failed)?, said);
        }
        // It may have closed its output and go on.
        let options = WaitContainerOptions { condition: "not-running".to_owned() };
        let mut ended = Box::pin(engine.docker.wait_container(id, Some(options)).into_future());
        while why.is_none() {
            if let Ok((answer, _)) = timeout(LOOK, &mut ended).await {
                return exit(answer).map_err(|error| error.map_or_else(nothing_said, failed));
            }
            why = must_stop();
        }
        let kill = KillContainerOptions { signal: "KILL".to_owned() };
        // It may have ended by itself meanwhile.
        let _ = timeout(PATIENCE, engine.docker.kill_container(id, Some(kill))).await.map_err(late)?;
        let soon = Instant::now() + PATIENCE;
        while let Ok(Some(Ok(frame))) = timeout_at(soon, streams.next()).await {
            pass_on(frame, said);
        }
        why.map(ContainerEnd::Stopped).ok_or_else(nothing_said)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // What cannot be removed now is removed by whoever finds the engine next.
        let _ = self.engine.remove(&self.id);
    }
}

fn nothing_said() -> Failure {
    Failure::other("the container engine does not say how the program ended")
}

/// The exit code, which the library takes for an error where it is not 0.
fn exit(answer: Option<Result<ContainerWaitResponse, Error>>) -> Result<ContainerEnd, Option<Error>> {
    let code = match answer {
        Some(Ok(ended)) => ended.status_code,
        Some(Err(Error::DockerContainerWaitError { code, .. })) => code,
        Some(Err(error)) => return Err(Some(error)),
        None => return Err(None),
    };
    Ok(ContainerEnd::Exit(i32::try_from(code).unwrap_or(-1)))
}

fn pass_on(frame: LogOutput, said: &mut dyn FnMut(Spoken, &[u8])) {
    match frame {
        LogOutput::StdOut { message } | LogOutput::Console { message } => said(Spoken::Output, &message),
        LogOutput::StdErr { message } => said(Spoken::Error, &message),
        LogOutput::StdIn { .. } => {}
    }
}

/// Gives a folder and all in it to whoever the program is. No link is followed.
fn give(folder: &Path, (user, group): (u32, u32)) -> io::Result<()> {
    if !rustix::process::getuid().is_root() {
        return Ok(());
    }
    let owner = (Some(Uid::from_raw(user)), Some(Gid::from_raw(group)));
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            give(&entry.path(), (user, group))?;
        } else {
            chownat(CWD, entry.path(), owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    chownat(CWD, folder, owner.0, owner.1, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}
