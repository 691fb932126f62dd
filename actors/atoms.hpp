// The atoms of troupe's own actors (at most 10 characters each in CAF 0.17).
#pragma once

#include <caf/atom.hpp>

namespace troupe {

using start_atom = caf::atom_constant<caf::atom("start")>;
using stop_atom = caf::atom_constant<caf::atom("stop")>;
using wake_atom = caf::atom_constant<caf::atom("wake")>;
using timer_atom = caf::atom_constant<caf::atom("timer")>;
using stream_atom = caf::atom_constant<caf::atom("stream")>;
using retry_atom = caf::atom_constant<caf::atom("retry")>;
using spawn_atom = caf::atom_constant<caf::atom("spawn")>;
using load_atom = caf::atom_constant<caf::atom("load")>;

}  // namespace troupe
