#include "gateways/kvs/etcd_store.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

#include "gateways/kvs/host_port.hpp"
#include "runtime/election/store_entry.hpp"

namespace troupe {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using nlohmann::json;

constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      const bool padding = i + j > bytes.size();
      text.push_back(padding ? '=' : digits[group >> (18U - 6U * j) & 63U]);
    }
  }
  return text;
}

std::string from_base64(std::string_view text) {
  std::string bytes;
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const auto value = digits.find(c);
    if (value == std::string_view::npos) break;
    group = group << 6U | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(group >> bits & 255U));
  }
  return bytes;
}

json range_of(const std::string& key) { return {{"request_range", {{"key", to_base64(key)}}}}; }

/// What is at `where` if it is a string; nothing else is trusted to be there.
std::optional<std::string> text_at(const json& answer, const std::string& where) {
  const json::json_pointer at(where);
  if (!answer.contains(at) || !answer.at(at).is_string()) return std::nullopt;
  return answer.at(at).get<std::string>();
}

/// The value of the i-th range of a transaction's answer; an empty one is not sent.
std::optional<std::string> value_in(const json& answer, std::size_t i) {
  const auto found = "/responses/" + std::to_string(i) + "/response_range/kvs/0";
  if (!answer.contains(json::json_pointer(found))) return std::nullopt;
  return from_base64(text_at(answer, found + "/value").value_or(std::string()));
}

}  // namespace

/// One kept-alive connection, used by one thread; every step ends at the deadline.
class etcd_store::connection {
 public:
  [[nodiscard]] expected<void> open(const std::string& address, time_point deadline) {
    const auto [host, port] = host_port_of(address);
    asio::ip::tcp::resolver resolver(io_);
    beast::error_code failed;
    const auto ends = resolver.resolve(host, std::to_string(port), failed);
    if (failed) return fail(errc::unavailable, "etcd " + address + ": " + failed.message());
    host_ = address;
    stream_.async_connect(ends, [&](beast::error_code e, const auto&) { failed = e; });
    if (!run(deadline)) return fail(errc::deadline_exceeded, "etcd " + address);
    if (failed) return fail(errc::unavailable, "etcd " + address + ": " + failed.message());
    return {};
  }

  struct answer {
    unsigned status = 0;
    std::string body;
  };
  [[nodiscard]] expected<answer> post(const std::string& path, const std::string& body, const std::string& token,
                                      time_point deadline) {
    http::request<http::string_body> request{http::verb::post, path, 11};
    request.set(http::field::host, host_);
    request.set(http::field::content_type, "application/json");
    if (!token.empty()) request.set(http::field::authorization, token);
    request.body() = body;
    request.prepare_payload();
    beast::error_code failed;
    http::async_write(stream_, request, [&](beast::error_code e, std::size_t) { failed = e; });
    if (!run(deadline)) return fail(errc::deadline_exceeded, "etcd " + host_);
    if (failed) return fail(errc::unavailable, "etcd " + host_ + ": " + failed.message());
    http::response_parser<http::string_body> parser;
    parser.body_limit(answer_bytes_max);
    http::async_read(stream_, buffer_, parser, [&](beast::error_code e, std::size_t) { failed = e; });
    if (!run(deadline)) return fail(errc::deadline_exceeded, "etcd " + host_);
    if (failed) return fail(errc::unavailable, "etcd " + host_ + ": " + failed.message());
    return answer{parser.get().result_int(), std::move(parser.get().body())};
  }

 private:
  /// False when the deadline came first: the step is cancelled, and the connection of no use any more.
  bool run(time_point deadline) {
    io_.restart();
    io_.run_until(deadline);
    if (io_.stopped()) return true;
    stream_.close();
    io_.run();
    return false;
  }

  asio::io_context io_{1};
  beast::tcp_stream stream_{io_};
  beast::flat_buffer buffer_;
  std::string host_;
};

etcd_store::etcd_store(std::vector<std::string> addresses, std::string password)
    : dial_(std::move(addresses)), password_(std::move(password)) {}
etcd_store::~etcd_store() = default;

expected<void> etcd_store::connect(time_point deadline) {
  if (connection_) return {};
  return dial_.round<std::chrono::steady_clock>(deadline, [this](const std::string& address, time_point share) {
    auto done = dial(address, share);
    if (!done) connection_.reset();
    return done;
  });
}

expected<void> etcd_store::dial(const std::string& address, time_point deadline) {
  connection_ = std::make_unique<connection>();
  if (auto opened = connection_->open(address, deadline); !opened) return opened;
  ++connects_;
  token_.clear();
  if (password_.empty()) return {};
  const json who{{"name", user}, {"password", password_}};
  const auto answer = post("/v3/auth/authenticate", who.dump(-1, ' ', false, json::error_handler_t::replace), deadline);
  if (!answer) return tl::unexpected(answer.error());
  token_ = text_at(json::parse(*answer, nullptr, false), "/token").value_or(std::string());
  return {};
}

expected<std::string> etcd_store::post(const std::string& path, const std::string& body, time_point deadline) {
  auto answer = connection_->post(path, body, token_, deadline);
  if (!answer) {
    connection_.reset();
    return tl::unexpected(std::move(answer.error()));
  }
  const auto said = json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && said.is_object()) return std::move(answer->body);
  const auto why = text_at(said, "/error").value_or("HTTP " + std::to_string(answer->status));
  const bool access = why.find("auth") != std::string::npos || why.find("permission") != std::string::npos ||
                      why.find("user name") != std::string::npos || why.find("token") != std::string::npos;
  if (why.find("too large") != std::string::npos) return fail(errc::too_large, "etcd: " + why);
  connection_.reset();  // another member may know better, and a token may be over
  dial_.leave();
  return fail(access ? errc::access_denied : errc::unavailable, "etcd: " + why);
}

expected<leader_reading> etcd_store::get(const std::string& key, time_point deadline) {
  if (auto there = connect(deadline); !there) return tl::unexpected(std::move(there.error()));
  const json ask{{"success", {range_of(key + "/version"), range_of(key + "/released"), range_of(key + "/value")}}};
  const auto body = post("/v3/kv/txn", ask.dump(), deadline);
  if (!body) return tl::unexpected(body.error());
  const auto answer = json::parse(*body, nullptr, false);
  leader_reading reading{std::nullopt, connects_};
  const auto version = value_in(answer, 0);
  const auto value = value_in(answer, 2);
  if (!version && !value) return reading;
  if (!version || !value) return fail(errc::corrupt, "etcd: the key holds no leader's entry");
  auto entry = decode_store_value(*value);
  if (!entry) return tl::unexpected(std::move(entry.error()));
  const auto read = std::from_chars(version->data(), version->data() + version->size(), entry->version);
  if (read.ec != std::errc{} || entry->version == 0) return fail(errc::corrupt, "etcd: no leader's entry: its version");
  entry->released = value_in(answer, 1) == "1";
  reading.entry = std::move(*entry);
  return reading;
}

expected<void> etcd_store::change(const std::string& key, std::uint64_t version, const puts& written,
                                  time_point deadline) {
  if (auto there = connect(deadline); !there) return there;
  json compare{{"key", to_base64(key + "/version")}, {"result", "EQUAL"}};
  if (version == 0) {
    compare["target"] = "CREATE";
    compare["create_revision"] = "0";
  } else {
    compare["target"] = "VALUE";
    compare["value"] = to_base64(std::to_string(version));
  }
  json success = json::array();
  for (const auto& [name, value] : written) {
    success.push_back({{"request_put", {{"key", to_base64(key + name)}, {"value", to_base64(value)}}}});
  }
  json ask;
  ask["compare"] = json::array({compare});
  ask["success"] = std::move(success);
  const auto body = post("/v3/kv/txn", ask.dump(), deadline);
  if (!body) return tl::unexpected(body.error());
  const auto answer = json::parse(*body, nullptr, false);
  const json::json_pointer succeeded("/succeeded");  // absent when it is false
  if (answer.contains(succeeded) && answer.at(succeeded) == true) return {};
  return fail(errc::condition_failed, "etcd: another version");
}

expected<void> etcd_store::compare_and_set(const std::string& key, std::uint64_t version, const leader_entry& next,
                                           time_point deadline) {
  auto value = encode_store_value(next);
  if (!value) return tl::unexpected(std::move(value.error()));
  const puts written{{"/version", std::to_string(next.version)}, {"/released", "0"}, {"/value", std::move(*value)}};
  return change(key, version, written, deadline);
}

expected<void> etcd_store::renew(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                 time_point deadline) {
  return change(key, version, {{"/version", std::to_string(next_version)}}, deadline);
}

expected<void> etcd_store::release(const std::string& key, std::uint64_t version, std::uint64_t next_version,
                                   time_point deadline) {
  return change(key, version, {{"/version", std::to_string(next_version)}, {"/released", "1"}}, deadline);
}

}  // namespace troupe
