// The JSON schemas that the API description refers to, as one JSON object.
#pragma once

#include <string_view>

namespace troupe {

inline constexpr std::string_view http_schemas = R"json({
  "problem": {"type": "object", "required": ["type", "title", "status", "detail", "request_id"], "properties": {
    "type": {"type": "string"}, "title": {"type": "string"}, "status": {"type": "integer"},
    "detail": {"type": "string"}, "request_id": {"type": "string"},
    "errors": {"type": "array", "items": {"type": "string"}}}},
  "databases": {"type": "object", "required": ["driver", "namespaces"], "properties": {
    "driver": {"enum": ["sqlite", "postgres"]},
    "namespaces": {"type": "array", "items": {"type": "object", "required": ["name", "open"], "properties": {
      "name": {"type": "string"},
      "open": {"type": "boolean", "description": "its migrations are applied: it takes calls"},
      "role": {"enum": ["own", "switched", "shared"], "description": "whose rights it has in PostgreSQL"}}}}}},
  "entities": {"type": "object", "required": ["entities"], "properties": {
    "entities": {"type": "array", "items": {"type": "object", "required": ["name", "type_name", "href", "schema"],
      "properties": {"name": {"type": "string"}, "type_name": {"type": "string"}, "href": {"type": "string"},
      "schema": {"type": "string"}, "relations": {"type": "array", "items": {"type": "object"}}}}}}},
  "rows": {"type": "object", "required": ["items", "next"], "properties": {
    "items": {"type": "array", "items": {"type": "object"}},
    "next": {"type": ["string", "null"], "description": "the $next of the page behind this one"},
    "count": {"type": "integer", "description": "with $count"}}},
  "liveness": {"type": "object", "required": ["live"], "properties": {"live": {"type": "boolean"}}},
  "readiness": {"type": "object", "required": ["ready", "reasons"], "properties": {
    "ready": {"type": "boolean"}, "reasons": {"type": "array", "items": {"type": "string"}}}},
  "leaving": {"type": "object", "required": ["leaving"], "properties": {"leaving": {"type": "boolean"}}},
  "forcing": {"type": "object", "required": ["forcing"], "properties": {
    "forcing": {"type": "string", "description": "the member that is asked once more"}}},
  "cluster": {"type": "object",
    "required": ["name", "node", "id", "pid", "leader", "term", "fenced", "health", "counts", "ready"], "properties": {
    "name": {"type": "string"}, "node": {"type": "string"}, "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "pid": {"type": "integer", "description": "0: not given yet"},
    "leader": {"type": ["string", "null"]}, "term": {"type": "integer", "description": "0 without a leader"},
    "fenced": {"type": "boolean"}, "fenced_reason": {"type": "string"},
    "health": {"enum": ["green", "yellow", "red"]},
    "counts": {"type": "object", "additionalProperties": {"type": "integer"}}, "ready": {"type": "boolean"},
    "leader_store": {"type": "object", "required": ["state"], "properties": {
      "state": {"type": "string"}, "reason": {"type": "string", "description": "what is wrong with it"}}}}},
  "member": {"type": "object",
    "required": ["name", "id", "pid", "state", "incarnation", "address", "services", "tags", "since", "flaps",
      "quarantined"], "properties": {
    "name": {"type": "string"}, "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "pid": {"type": "integer"}, "state": {"enum": ["alive", "suspect", "failed", "departing", "departed"]},
    "incarnation": {"type": "integer"}, "address": {"type": "string"},
    "services": {"type": "array", "items": {"type": "string"}},
    "tags": {"type": "object", "additionalProperties": {"type": "string"}},
    "since": {"type": "string", "format": "date-time"},
    "flaps": {"type": "integer", "description": "returns from a failure lately; decays"},
    "quarantined": {"type": "boolean", "description": "it flaps: nothing new is entrusted to it for a while"},
    "protocol": {"type": "integer", "description": "the highest minor version of gossip that it speaks"}}},
  "members": {"type": "array", "items": {"$ref": "#/components/schemas/member"}},
  "leader": {"type": "object", "required": ["name", "pid", "term", "fenced", "since", "id", "change"],
    "properties": {
    "name": {"type": "string"}, "pid": {"type": "integer"}, "term": {"type": "integer"},
    "fenced": {"type": "boolean"}, "fenced_reason": {"type": "string"},
    "since": {"type": "string", "format": "date-time"}, "id": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "change": {"type": "string", "description": "why it leads: founded, started, or how the leader before it ended"},
    "last_leader": {"type": "object", "required": ["name", "term", "reason", "at"], "properties": {
      "name": {"type": "string"}, "term": {"type": "integer"}, "reason": {"type": "string"},
      "at": {"type": "string", "format": "date-time"}}}}},
  "locks": {"type": "array", "items": {"type": "object", "required": ["kind", "name", "permits", "holders"],
    "properties": {"kind": {"enum": ["lock", "semaphore", "role"]}, "name": {"type": "string"},
    "permits": {"type": "integer"},
    "holders": {"type": "array", "items": {"type": "object", "required": ["member", "token", "ttl_ms"], "properties": {
      "member": {"type": "string"}, "token": {"type": "integer"}, "ttl_ms": {"type": "integer"}}}}}}},
  "lock": {"type": "object", "required": ["name", "token", "ttl_ms"], "properties": {"name": {"type": "string"},
    "token": {"type": "integer", "description": "higher than any before; renew and release by it, at this node"},
    "ttl_ms": {"type": "integer"}}},
  "handed_over": {"type": "object", "required": ["name", "term"], "properties": {
    "name": {"type": "string", "description": "who leads now"}, "term": {"type": "integer"}}},
  "keyring": {"type": "object", "required": ["primary", "members", "keys", "not_reached"], "properties": {
    "primary": {"type": "string", "pattern": "^[0-9a-f]{16}$"}, "members": {"type": "integer"},
    "keys": {"type": "array", "items": {"type": "object", "required": ["fingerprint", "primary", "held_by", "primary_of"],
      "properties": {"fingerprint": {"type": "string"}, "primary": {"type": "boolean"}, "held_by": {"type": "integer"},
      "primary_of": {"type": "integer"}}}},
    "not_reached": {"type": "array", "items": {"type": "string"}}}},
  "keyring_change": {"type": "object", "required": ["fingerprint", "complete", "members"], "properties": {
    "fingerprint": {"type": "string"}, "complete": {"type": "boolean"},
    "members": {"type": "array", "items": {"type": "object", "required": ["name", "result", "reason"], "properties": {
      "name": {"type": "string"}, "result": {"enum": ["done", "refused", "not_reached"]},
      "reason": {"type": "string"}}}}}},
  "health": {"type": "object", "required": ["status", "missing_primaries", "under_replicated", "checks"], "properties": {
    "status": {"enum": ["green", "yellow", "red"]}, "missing_primaries": {"type": "integer"},
    "under_replicated": {"type": "integer"},
    "checks": {"type": "array", "items": {"type": "object", "required": ["name", "passed", "detail"], "properties": {
      "name": {"type": "string"}, "passed": {"type": "boolean"}, "detail": {"type": "string"}}}}}},
  "shards": {"type": "array", "items": {"type": "object",
    "required": ["shard", "primary", "replicas", "in_sync", "epoch"], "properties": {
    "shard": {"type": "integer"}, "primary": {"type": ["string", "null"]},
    "replicas": {"type": "array", "items": {"type": "string"}},
    "in_sync": {"type": "array", "items": {"type": "string"}}, "epoch": {"type": "integer"}}}},
  "services": {"type": "array", "items": {"type": "object", "required": ["name", "state", "reason", "nodes"],
    "properties": {"name": {"type": "string"},
    "state": {"enum": ["stopped", "starting", "running", "degraded", "stopping", "failed", "not_implemented",
    "waiting"]},
    "reason": {"type": "string"}, "nodes": {"type": "array", "items": {"type": "string"}}}}},
  "why": {"type": "object",
    "required": ["name", "state", "reason", "runs", "path", "members", "without", "silent"], "properties": {
    "name": {"type": "string"}, "state": {"type": "string"}, "reason": {"type": "string"},
    "runs": {"type": "boolean"}, "path": {"type": "array", "items": {"type": "object", "properties": {
    "depth": {"type": "integer"}, "text": {"type": "string"}}}},
    "members": {"type": "array", "description": "what others say of what is lacking", "items": {"type": "object",
    "properties": {"member": {"type": "string"}, "text": {"type": "string"}}}},
    "without": {"type": "array", "description": "others that have no such thing", "items": {"type": "string"}},
    "silent": {"type": "array", "description": "others that did not answer", "items": {"type": "string"}}}},
  "change": {"type": "object", "description": "of an event open: nothing", "properties": {
    "key": {"type": "string"}, "key_base64": {"type": "string", "description": "when it is no UTF-8"},
    "version": {"type": "integer", "description": "of the put or erasure, or of the value that expired or was evicted"},
    "shard": {"type": "integer", "description": "of the key; of dropped: all its values are gone"},
    "value": {"type": "string"}, "value_base64": {"type": "string"},
    "cause": {"enum": ["slow_subscriber", "source_changed"], "description": "of a gap"}}},
  "cache_number": {"type": "object", "required": ["value"], "properties": {"value": {"type": "integer"}}},
  "cache_page": {"type": "object", "required": ["keys", "next"], "properties": {
    "keys": {"type": "array", "items": {"type": "string"}}, "next": {"type": ["string", "null"]}}},
  "cache_batch": {"type": "object", "properties": {
    "get": {"type": "array", "items": {"type": "object"}}, "put": {"type": "array", "items": {"type": "object"}},
    "erase": {"type": "array", "items": {"type": "object"}}}},
  "kvs": {"type": "object", "required": ["alive", "runs", "serves", "reason", "members", "epoch", "keys", "tombstones",
    "memory_bytes"], "properties": {
    "alive": {"type": "boolean"}, "runs": {"type": "boolean", "description": "this node runs the service kvs"},
    "serves": {"type": "boolean", "description": "and answers as one of its members"}, "reason": {"type": "string"},
    "members": {"type": "array", "items": {"type": "string"}},
    "epoch": {"type": "integer", "description": "of the members' list: 1 and one for each disk that was replaced"},
    "keys": {"type": "integer", "description": "that this member holds"}, "tombstones": {"type": "integer"},
    "memory_bytes": {"type": "integer"}}},
  "kvs_flush": {"type": "object", "required": ["deleted"], "properties": {"deleted": {"type": "integer"}}},
  "tags": {"type": "object", "required": ["tags"], "properties": {
    "tags": {"type": "object", "additionalProperties": {"type": "string"}}}},
  "said": {"type": "object", "required": ["name", "ltime"], "properties": {
    "name": {"type": "string"}, "ltime": {"type": "integer", "description": "Lamport time"}}},
  "query": {"type": "object", "required": ["name", "answers", "unhandled", "silent"], "properties": {
    "name": {"type": "string"},
    "answers": {"type": "array", "items": {"type": "object", "required": ["member", "payload", "took_ms"], "properties": {
      "member": {"type": "string"}, "payload": {"type": "string"}, "took_ms": {"type": "number"}}}},
    "unhandled": {"type": "array", "items": {"type": "string"}},
    "silent": {"type": "array", "items": {"type": "string"}}}},
  "rtt": {"type": "object", "required": ["a", "b", "rtt_ms"], "properties": {
    "a": {"type": "string"}, "b": {"type": "string"}, "rtt_ms": {"type": "number"}}},
  "event": {"type": "object", "required": ["sequence", "time", "kind", "fields"], "properties": {
    "sequence": {"type": "integer"}, "time": {"type": "string", "format": "date-time"},
    "kind": {"type": "string"}, "fields": {"type": "object", "additionalProperties": {"type": "string"}}}}
})json";

}  // namespace troupe
