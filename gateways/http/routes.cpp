#include "gateways/http/routes.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr http_method methods[] = {http_method::get,  http_method::head,  http_method::put,
                                   http_method::post, http_method::patch, http_method::erase};

}  // namespace

expected<http_routes::path_shape> http_routes::read(std::string_view pattern) {
  const auto refuse = [&](const char* why) {
    return fail(errc::invalid_argument, "route '" + std::string(pattern) + "' " + why);
  };
  if (!pattern.starts_with('/')) return refuse("does not start with /");
  path_shape shape;
  shape.pattern = pattern;
  const auto first = pattern.find('{');
  shape.prefix = pattern.substr(0, first);
  if (first == pattern.npos) return shape;
  if (!shape.prefix.ends_with('/')) return refuse("has a parameter inside a segment");
  std::size_t parameters = 0;
  for (std::string_view rest = pattern.substr(first); !rest.empty();) {
    if (shape.open_ended) return refuse("goes on after an open end");
    const auto slash = rest.find('/');
    const std::string_view segment = rest.substr(0, slash);
    rest = slash == rest.npos ? std::string_view() : rest.substr(slash + 1);
    if (!segment.starts_with('{')) {
      if (segment.empty() || segment.find_first_of("{}") != segment.npos) return refuse("has a doubtful segment");
      shape.segments.emplace_back(segment);
      continue;
    }
    if (!segment.ends_with('}') || segment.size() < 3) return refuse("has a parameter without an end");
    shape.open_ended = segment.ends_with("...}");
    if (!shape.open_ended) shape.segments.emplace_back();
    if (++parameters > http_request::parameters_max) return refuse("has too many parameters");
  }
  return shape;
}

expected<void> http_routes::add(http_route route) {
  auto shape = read(route.pattern);
  if (!shape) return tl::unexpected(shape.error());
  const bool plain = shape->segments.empty() && !shape->open_ended;
  path_shape* place = nullptr;
  if (plain) {
    place = &literal_.try_emplace(route.pattern, std::move(*shape)).first->second;
  } else {
    auto found =
        std::find_if(shapes_.begin(), shapes_.end(), [&](const auto& s) { return s.pattern == route.pattern; });
    if (found == shapes_.end()) {
      const auto shorter = [&](const path_shape& s) {
        return s.prefix.size() < shape->prefix.size() ||
               (s.prefix.size() == shape->prefix.size() && s.open_ended && !shape->open_ended);
      };
      found = shapes_.insert(std::find_if(shapes_.begin(), shapes_.end(), shorter), std::move(*shape));
    }
    place = &*found;
  }
  for (const auto row : place->rows) {
    if (rows_[row].method == route.method) {
      return fail(errc::invalid_argument, "route " + route.pattern + " is there already");
    }
  }
  place->rows.push_back(rows_.size());
  rows_.push_back(std::move(route));
  return {};
}

bool http_routes::matches(const path_shape& shape, std::string_view path,
                          std::array<std::string_view, http_request::parameters_max>& parameters) {
  if (!path.starts_with(shape.prefix)) return false;
  std::string_view rest = path.substr(shape.prefix.size());
  std::size_t parameter = 0;
  bool at_end = false;  // no slash is left for a further segment
  for (const auto& segment : shape.segments) {
    if (at_end) return false;
    const auto slash = rest.find('/');
    const std::string_view part = rest.substr(0, slash);
    at_end = slash == rest.npos;
    rest = at_end ? std::string_view() : rest.substr(slash + 1);
    if (segment.empty() ? part.empty() : part != segment) return false;
    if (segment.empty()) parameters[parameter++] = part;
  }
  if (!shape.open_ended) return at_end;
  if (at_end) return false;
  parameters[parameter] = rest;
  return true;
}

/// The row of the method; of GET for HEAD, when none is there.
const http_route* http_routes::row_of(const path_shape& shape, http_method method) const {
  const http_route* found = nullptr;
  for (const auto row : shape.rows) {
    if (rows_[row].method == method) return &rows_[row];
    if (method == http_method::head && rows_[row].method == http_method::get) found = &rows_[row];
  }
  return found;
}

// A path that has not the method may be meant by a wider pattern that has it.
http_routes::match http_routes::find(http_method method, std::string_view path) const {
  match m;
  if (const auto found = literal_.find(path); found != literal_.end()) {
    m.path_known = true;
    m.route = row_of(found->second, method);
    return m;
  }
  for (const auto& shape : shapes_) {
    match wider;
    if (!matches(shape, path, wider.parameters)) continue;
    m.path_known = true;
    wider.route = row_of(shape, method);
    wider.path_known = true;
    if (wider.route == nullptr) continue;
    const bool exact = wider.route->method == method;
    if (exact || m.route == nullptr) m = wider;
    if (exact) return m;
  }
  return m;
}

std::string http_routes::allowed(std::string_view path) const {
  std::string text;
  for (const auto method : methods) {
    if (find(method, path).route == nullptr) continue;
    if (!text.empty()) text.append(", ");
    text.append(name_of(method));
  }
  return text;
}

}  // namespace troupe
