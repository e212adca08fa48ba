-- Prints wrk's own counts as one line of JSON. No request or response callback: those would cost the load generator time.
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nWRK {"requests":%d,"bytes":%d,"duration_us":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"errors":%d}\n',
    summary.requests, summary.bytes, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    e.connect + e.read + e.write + e.status + e.timeout))
end
