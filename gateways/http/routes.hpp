// The table of everything the HTTP door answers. Doors' modules (cluster, cache, and later entities,
// console, keyring) add their rows before the door opens; from the same rows come the dispatch, the
// Allow field of a 405, the checks of query parameters and the API description.
//
// A pattern is a path whose segments may be `{name}` (one segment, not empty) or, as the last one,
// `{name...}` (the rest of the path, slashes included; may be empty). Literal text wins over a parameter, unless only
// the wider pattern has the method. Parameters stay percent-encoded. Not for change once the door is open.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <troupe/error.hpp>

#include "gateways/http/message.hpp"

namespace troupe {

using http_handler = std::function<void(http_exchange&)>;

/// One possible answer, for the API description. Problems common to all routes are not listed.
struct route_answer {
  int status = 200;
  std::string description;
  std::string content_type = "application/json";  // empty: no body
  std::string schema;                             // name of a schema in the API description; empty: none
};

struct http_route {
  http_method method = http_method::get;
  std::string pattern;
  http_handler handler;
  std::string summary;
  std::vector<std::pair<std::string, std::string>> query;  // permitted parameters and what they mean
  std::vector<route_answer> answers;
  bool admin = false;       // answered only on a loopback address, as long as there is no authentication
  bool takes_body = false;  // for the description
  bool any_query = false;   // the handler looks at the parameters itself; `query` is for the description
};

class http_routes {
 public:
  /// errc::invalid_argument for a pattern that is none, too many parameters, or a row that is there already.
  [[nodiscard]] expected<void> add(http_route route);

  struct match {
    const http_route* route = nullptr;  // null: see path_known
    bool path_known = false;            // some other method has this path
    std::array<std::string_view, http_request::parameters_max> parameters{};
  };

  /// GET rows answer HEAD too, unless a HEAD row is there.
  [[nodiscard]] match find(http_method method, std::string_view path) const;

  /// "GET, HEAD, PUT" for a known path.
  [[nodiscard]] std::string allowed(std::string_view path) const;

  [[nodiscard]] const std::vector<http_route>& rows() const noexcept { return rows_; }

 private:
  struct path_shape {
    std::string pattern;
    std::string prefix;                 // the literal text before the first parameter
    std::vector<std::string> segments;  // after the prefix; "" stands for {name}
    bool open_ended = false;            // ends with {name...}
    std::vector<std::size_t> rows;      // of all methods
  };

  [[nodiscard]] static expected<path_shape> read(std::string_view pattern);
  [[nodiscard]] static bool matches(const path_shape& shape, std::string_view path,
                                    std::array<std::string_view, http_request::parameters_max>& parameters);
  [[nodiscard]] const http_route* row_of(const path_shape& shape, http_method method) const;

  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  std::vector<http_route> rows_;
  std::unordered_map<std::string, path_shape, text_hash, std::equal_to<>> literal_;
  std::vector<path_shape> shapes_;  // with parameters, the longest prefix first
};

}  // namespace troupe
