// Why a request for rows is refused, as a client is told: a code, a sentence, and every field that is at fault.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <troupe/error.hpp>

namespace troupe {

struct row_refusal {
  errc code = errc::invalid_argument;
  std::string detail;
  std::vector<std::string> errors = {};  // "title: is required"
};

template <class T = void>
using answered = tl::expected<T, row_refusal>;

[[nodiscard]] inline tl::unexpected<row_refusal> refuse(errc code, std::string detail,
                                                        std::vector<std::string> errors = {}) {
  return tl::unexpected<row_refusal>(row_refusal{code, std::move(detail), std::move(errors)});
}

}  // namespace troupe
