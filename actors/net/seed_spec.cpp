#include "actors/net/seed_spec.hpp"

#include <algorithm>
#include <charconv>

#include <boost/asio/ip/address.hpp>

namespace troupe {

namespace {

constexpr std::string_view service_mark = "srv:";
constexpr std::size_t name_max = 253;
constexpr std::size_t label_max = 63;
constexpr std::size_t bad_lines_max = 100;

bool is_label(std::string_view label) noexcept {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !label.empty() && label.size() <= label_max && std::all_of(label.begin(), label.end(), allowed);
}

bool is_name(std::string_view name) noexcept {
  if (name.size() > name_max || name.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  for (;;) {
    const auto dot = name.find('.');
    if (!is_label(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos || dot + 1 == name.size()) return true;  // a dot at the end: the name is whole
    name.remove_prefix(dot + 1);
  }
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

auto refused(std::string_view why) { return fail(errc::invalid_argument, std::string(why)); }

}  // namespace

expected<seed_spec> parse_seed(std::string_view text) {
  seed_spec s;
  const bool marked = text.starts_with(service_mark);
  if (marked || (text.starts_with('_') && text.find(':') == std::string_view::npos)) {
    s.what = seed_spec::kind::service;
    s.host = text.substr(marked ? service_mark.size() : 0);
    if (!is_name(s.host)) return refused("it names no service record");
    return s;
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    return refused("it must be host:port, srv:NAME or _service._proto.name");
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  const auto [end, fault] = std::from_chars(port.data(), port.data() + port.size(), s.port);
  if (fault != std::errc() || end != port.data() + port.size() || s.port == 0)
    return refused("its port must be 1 to 65535");
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos) return refused("a v6 address must stand in brackets");
  boost::system::error_code no_address;
  const auto address = boost::asio::ip::make_address(std::string(host), no_address);
  s.host = no_address ? std::string(host) : address.to_string();
  if (!no_address && address.is_unspecified()) return refused("nobody can be reached there");
  if (no_address && (bracketed || !is_name(host))) return refused("its host is neither an address nor a name");
  s.what = no_address ? seed_spec::kind::host : seed_spec::kind::address;
  return s;
}

std::string address_text(std::string_view numeric_host, std::uint16_t port) {
  const bool v6 = numeric_host.find(':') != std::string_view::npos;
  std::string text;
  return text.append(v6 ? "[" : "").append(numeric_host).append(v6 ? "]:" : ":").append(std::to_string(port));
}

seeds_in_file parse_seeds(std::string_view text) {
  seeds_in_file found;
  const auto bad = [&found](std::size_t number, std::string reason) {
    if (found.bad.size() < bad_lines_max) found.bad.push_back({number, std::move(reason)});
  };
  if (text.size() > seeds_in_file::bytes_max) {
    bad(0, "the file has more than 64KiB");
    return found;
  }
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    line = trimmed(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    if (const auto seed = parse_seed(line); !seed) {
      bad(number, seed.error().context);
    } else if (found.seeds.size() >= seeds_in_file::seeds_max) {
      bad(number, "there are more than 1024 seeds");
      break;
    } else {
      found.seeds.emplace_back(line);
    }
  }
  return found;
}

}  // namespace troupe
