//! Jenkins: no protocol at all. A pipeline reads `output_file`.

use super::Host;

pub(super) struct Jenkins;

impl Host for Jenkins {
    fn name(&self) -> &'static str {
        "jenkins"
    }
}
