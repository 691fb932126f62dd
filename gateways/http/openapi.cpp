#include "gateways/http/openapi.hpp"

#include <algorithm>
#include <troupe/version.hpp>

#include <nlohmann/json.hpp>

#include "gateways/http/schemas.hpp"

namespace troupe {

namespace {

using json = nlohmann::ordered_json;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return result;
}

// "/v1/cache/{cache}/{key...}" is written "/v1/cache/{cache}/{key}" there.
std::string path_of(std::string pattern) {
  if (const auto dots = pattern.find("...}"); dots != pattern.npos) pattern.erase(dots, 3);
  return pattern;
}

json parameters_of(const http_route& route) {
  json parameters = json::array();
  const std::string path = path_of(route.pattern);
  const bool open_ended = path != route.pattern;
  for (auto start = path.find('{'); start != path.npos; start = path.find('{', start + 1)) {
    const std::string name = path.substr(start + 1, path.find('}', start) - start - 1);
    json p = {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}};
    if (open_ended && path.ends_with("{" + name + "}")) {
      p["description"] = "the rest of the path, percent-decoded; may hold slashes";
    }
    parameters.push_back(std::move(p));
  }
  for (const auto& [name, meaning] : route.query) {
    parameters.push_back({{"name", name}, {"in", "query"}, {"description", meaning}, {"schema", {{"type", "string"}}}});
  }
  return parameters;
}

json content_of(const std::string& type, const std::string& schema) {
  json body = json::object();
  if (!schema.empty()) body["schema"] = {{"$ref", "#/components/schemas/" + schema}};
  return {{type, body}};
}

json operation_of(const http_route& route) {
  json operation = {{"summary", route.summary}};
  json parameters = parameters_of(route);
  if (!parameters.empty()) operation["parameters"] = std::move(parameters);
  if (route.takes_body) {
    operation["requestBody"] = {{"required", true}, {"content", {{"application/octet-stream", json::object()}}}};
  }
  json& responses = operation["responses"];
  for (const auto& answer : route.answers) {
    json& response = responses[std::to_string(answer.status)];
    response["description"] = answer.description;
    if (!answer.content_type.empty()) response["content"] = content_of(answer.content_type, answer.schema);
  }
  responses["default"] = {{"description", "any other failure"},
                          {"content", content_of("application/problem+json", "problem")}};
  return operation;
}

}  // namespace

std::string openapi_json(const http_routes& routes) {
  json paths = json::object();
  for (const auto& route : routes.rows()) {
    paths[path_of(route.pattern)][lower(name_of(route.method))] = operation_of(route);
  }
  json document = {{"openapi", "3.1.0"},
                   {"info",
                    {{"title", "troupe"},
                     {"version", TROUPE_VERSION_STRING},
                     {"description",
                      "A node of a troupe cluster. Every answer carries X-Request-Id; errors are "
                      "application/problem+json. HEAD works wherever GET does."}}},
                   {"paths", std::move(paths)},
                   {"components", {{"schemas", json::parse(http_schemas, nullptr, false)}}}};
  return document.dump(2) + "\n";
}

std::string routes_page(const http_routes& routes) {
  std::string page =
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>troupe</title>\n"
      "<style>body{font-family:sans-serif;margin:2em}td{padding:.2em 1em .2em 0}</style></head>\n"
      "<body><h1>troupe</h1>\n<table>\n";
  for (const auto& route : routes.rows()) {
    const bool link = route.method == http_method::get && route.pattern.find('{') == route.pattern.npos;
    page.append("<tr><td>").append(name_of(route.method)).append("</td><td>");
    if (link) page.append("<a href=\"").append(route.pattern).append("\">");
    page.append(route.pattern);
    if (link) page.append("</a>");
    page.append("</td><td>").append(route.summary).append("</td></tr>\n");
  }
  return page.append("</table></body></html>\n");
}

expected<void> add_description_routes(http_routes& to) {
  http_route description;
  description.pattern = "/openapi.json";
  description.summary = "This interface as OpenAPI 3.1";
  description.answers = {{200, "the description", "application/json", ""}};
  description.handler = [&to](http_exchange& ex) {
    http_reply reply;
    reply.body = openapi_json(to);
    ex.answer(reply);
  };
  if (auto r = to.add(std::move(description)); !r) return r;
  http_route page;
  page.pattern = "/";
  page.summary = "This page";
  page.answers = {{200, "a page that lists the routes", "text/html", ""}};
  page.handler = [&to](http_exchange& ex) {
    http_reply reply;
    reply.content_type = "text/html; charset=utf-8";
    reply.body = routes_page(to);
    ex.answer(reply);
  };
  return to.add(std::move(page));
}

}  // namespace troupe
