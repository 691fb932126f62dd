// Inline commands: words split at white space, with quotes as a shell would ("\n \xff" and 'it\'s').
#pragma once

#include <cstddef>
#include <vector>

#include "gateways/resp/arguments.hpp"

namespace troupe::resp {

/// Splits `count` bytes, unescaping quoted words in place (they only shrink); offsets are relative to
/// `line`. False when a quote is not closed or is followed by something other than a space.
[[nodiscard]] bool split_inline(char* line, std::size_t count, std::vector<slice>& words);

}  // namespace troupe::resp
