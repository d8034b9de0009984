-- A body of 16 KiB goes up with every request.
wrk.method = "POST"
wrk.path = "/up"
wrk.headers["Content-Type"] = "application/octet-stream"
wrk.body = string.rep("x", 16 * 1024)
