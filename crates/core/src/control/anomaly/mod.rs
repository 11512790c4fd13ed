//! Anomaly detection: is this value unlike those before it?
//!
//! A detector sees one value at a time, keeps a bounded state, and takes constant time a value on average. It reads no
//! clock and draws no random numbers: the same values give the same answers.
//!
//! ```
//! use stayhand_core::control::anomaly::zscore::{ZScore, ZScoreConfig};
//!
//! let config = ZScoreConfig::default();
//! let mut detector = ZScore::<f64>::default();
//! for n in 0..20 {
//!     assert!(!detector.check(&config, 10.0 + f64::from(n % 2)).judgement.is_anomalous());
//! }
//! let found = detector.check(&config, 99.0);
//! assert_eq!(found.reason(&config).as_deref(), Some("Z-score 172.52 > threshold 3.0"));
//! ```

pub mod agent;
pub mod chart;
pub mod detector;
pub mod drift;
pub mod ending;
pub mod hampel;
pub mod models;
pub mod moments;
pub mod observation;
mod seen;
mod sequence;
pub mod series;
pub mod tail;
pub mod watch;
pub mod zscore;
