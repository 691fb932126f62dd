#include "gateways/kvs/etcd_session.hpp"

#include <cstdint>
#include <utility>

#include <nlohmann/json.hpp>

namespace troupe {

using nlohmann::json;

namespace {

std::string text_of(const json& body) { return body.dump(-1, ' ', false, json::error_handler_t::replace); }

/// Errors stand at /error, at /error/message in what goes on.
std::string why_in(const json& said, const std::string& otherwise) {
  if (auto why = text_at(said, "/error")) return *why;
  return text_at(said, "/error/message").value_or(otherwise);
}

std::string status_text(unsigned status) { return "HTTP " + std::to_string(status); }

}  // namespace

std::optional<std::string> text_at(const json& answer, const std::string& where) {
  const json::json_pointer at(where);
  if (!answer.contains(at) || !answer.at(at).is_string()) return std::nullopt;
  return answer.at(at).get<std::string>();
}

error etcd_refusal(const std::string& why) {
  const auto says = [&why](std::string_view words) { return why.find(words) != std::string::npos; };
  if (says("too large")) return {errc::too_large, "etcd: " + why};
  const bool access = says("auth") || says("permission") || says("user name") || says("token");
  return {access ? errc::access_denied : errc::unavailable, "etcd: " + why};
}

expected<void> etcd_session::open(const std::string& address, const std::string& password, time_point deadline) {
  token_.clear();
  if (auto opened = connection_.open(address, deadline); !opened) return opened;
  if (password.empty()) return {};
  const auto answer = post("/v3/auth/authenticate", {{"name", user}, {"password", password}}, deadline);
  if (!answer) {
    connection_.close();
    return tl::unexpected(answer.error());
  }
  token_ = text_at(*answer, "/token").value_or(std::string());
  return {};
}

expected<json> etcd_session::post(const std::string& path, const json& body, time_point deadline) {
  auto answer = connection_.post(path, text_of(body), token_, deadline);
  if (!answer) return tl::unexpected(std::move(answer.error()));
  auto said = json::parse(answer->body, nullptr, false);
  if (answer->status == 200 && said.is_object()) return said;
  return tl::unexpected(etcd_refusal(why_in(said, status_text(answer->status))));
}

expected<void> etcd_session::stream(const std::string& path, const json& body, time_point deadline) {
  auto answer = connection_.stream(path, text_of(body), token_, deadline);
  if (!answer) return tl::unexpected(std::move(answer.error()));
  if (answer->status == 200) return {};
  return tl::unexpected(etcd_refusal(why_in(json::parse(answer->body, nullptr, false), status_text(answer->status))));
}

expected<json> etcd_session::next(time_point deadline) {
  const auto line = connection_.line(deadline);
  if (!line) return tl::unexpected(line.error());
  const auto said = json::parse(*line, nullptr, false);
  const json::json_pointer result("/result");
  if (said.is_object() && said.contains(result) && said.at(result).is_object()) return said.at(result);
  return tl::unexpected(etcd_refusal(why_in(said, "an unknown line")));
}

}  // namespace troupe
