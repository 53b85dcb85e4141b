{{/*
Command lines. Flags of the chart are a dict, so that controller.extraArgs can replace them and none stands there twice.
*/}}

{{/* Of `ingora sync`: those that controller.extraArgs may name. */}}
{{- define "ingora.syncFlags" -}}
- annotations-prefix
- apiserver-host
- configmap
- controller-class
- default-backend-service
- default-ssl-certificate
- disable-catch-all
- disable-leader-election
- disable-sync-events
- dns-server
- election-id
- election-namespace
- election-ttl
- enable-ssl-passthrough
- ingress-class
- kubeconfig
- log-format
- publish-service
- publish-status-address
- report-node-internal-ip-address
- status-update-interval
- status-update-rate
- update-status
- update-status-on-shutdown
- watch-ingress-without-class
- watch-namespace
- watch-namespace-selector
{{- end }}

{{/* Flags of ingress-nginx without effect here: there is nothing that they could tune. */}}
{{- define "ingora.ignoredFlags" -}}
- add_dir_header
- alsologtostderr
- bucket-factor
- certificate-authority
- deep-inspect
- default-server-port
- disable-full-test
- disable-svc-external-name
- dynamic-configuration-retries
- enable-annotation-validation
- enable-metrics
- enable-ssl-chain-completion
- exclude-socket-metrics
- health-check-timeout
- internal-logger-address
- length-buckets
- log_backtrace_at
- log_dir
- log_file
- log_file_max_size
- logtostderr
- max-buckets
- maxmind-edition-ids
- maxmind-license-key
- maxmind-mirror
- maxmind-retries-count
- maxmind-retries-timeout
- metrics-per-host
- metrics-per-undefined-host
- monitor-max-batch-size
- one_output
- post-shutdown-grace-period
- profiler-port
- profiling
- report-status-classes
- size-buckets
- skip_headers
- skip_log_headers
- ssl-passthrough-proxy-port
- status-port
- stderrthreshold
- stream-port
- sync-period
- sync-rate-limit
- time-buckets
- udp-services-configmap
- v
- validating-webhook
- validating-webhook-certificate
- validating-webhook-key
- vmodule
{{- end }}

{{/* Flags that the chart has a value for, or that cannot be had; with what to do instead. */}}
{{- define "ingora.refusedFlags" -}}
enable-topology-aware-routing: Ingora does not read topology hints; take it out of extraArgs, or use controller.service.trafficDistribution
health-check-path: use controller.healthCheckPath
healthz-host: use controller.healthCheckHost
healthz-port: use controller.metrics.port for the gateway and controller.sync.healthPort for sync
http-port: use controller.containerPort.http, or controller.hostPort.ports.http with hostNetwork
https-port: use controller.containerPort.https, or controller.hostPort.ports.https with hostNetwork
ingress-class-by-name: give the IngressClass the controller of controller.ingressClassResource.controllerValue instead
manifests: the chart serves a cluster
shutdown-grace-period: use controller.gateway.lameDuckSeconds
socket: the chart puts the socket where both containers find it
tcp-services-configmap: Ingora serves HTTP and TLS; give TCP services a Service of type LoadBalancer
verbose: use controller.sync.verbosity
{{- end }}

{{/* Of `ingora-gateway`: those that controller.gateway.extraArgs may name. */}}
{{- define "ingora.gatewayFlags" -}}
- admin-bind
- drain-timeout
- health-check-path
- http-bind
- http-port
- https-bind
- https-port
- lame-duck
- log-format
- log-level
- max-connections
- reuse-port
- runtime
- threads
{{- end }}

{{/* One address, with brackets when it is of IPv6. */}}
{{- define "ingora.bracketed" -}}
{{- contains ":" . | ternary (printf "[%s]" (. | trimPrefix "[" | trimSuffix "]")) . }}
{{- end }}

{{- define "ingora.hasIPv6" -}}
{{- $service := .Values.controller.service }}
{{- $families := $service.ipFamilies | default list }}
{{- if $service.internal.enabled }}
{{- $families = concat $families ($service.internal.ipFamilies | default list) }}
{{- end }}
{{- has "IPv6" $families | ternary "true" "" }}
{{- end }}

{{/* Where clients connect to. */}}
{{- define "ingora.listenAddress" -}}
{{- $all := include "ingora.hasIPv6" . | empty | ternary "0.0.0.0" "::" }}
{{- include "ingora.bracketed" (default $all .Values.controller.gateway.listenAddress) }}
{{- end }}

{{/*
Where probes and Prometheus connect to. On the node's network that must not be where the internet is, so it is loopback, where
the kubelet is, too; or, when Prometheus has to come in, the node's own address.
*/}}
{{- define "ingora.healthAddress" -}}
{{- $c := .Values.controller }}
{{- if $c.healthCheckHost }}
{{- $c.healthCheckHost }}
{{- else if and $c.hostNetwork $c.metrics.enabled }}
{{- "$(POD_IP)" }}
{{- else if $c.hostNetwork }}
{{- "127.0.0.1" }}
{{- else }}
{{- include "ingora.hasIPv6" . | empty | ternary "0.0.0.0" "::" }}
{{- end }}
{{- end }}

{{/* The ports the gateway listens on: {http, https}. */}}
{{- define "ingora.ports" -}}
{{- .Values.controller.hostNetwork | ternary .Values.controller.hostPort.ports .Values.controller.containerPort | toJson }}
{{- end }}

{{/* The ports clients see: {http, https}. */}}
{{- define "ingora.publicPorts" -}}
{{- $c := .Values.controller }}
{{- or $c.hostNetwork $c.hostPort.enabled | ternary $c.hostPort.ports $c.service.ports | toJson }}
{{- end }}

{{/*
How the grace period is spent: lame duck, requests in flight, and a reserve for the end. A short one is shared out, half of it
at most for the lame duck.
*/}}
{{- define "ingora.lameDuck" -}}
{{- min (int .Values.controller.gateway.lameDuckSeconds) (div (int .Values.controller.terminationGracePeriodSeconds) 2) }}
{{- end }}

{{- define "ingora.drainTimeout" -}}
{{- $grace := int .Values.controller.terminationGracePeriodSeconds }}
{{- sub $grace (add (include "ingora.lameDuck" .) (min 15 (div $grace 4))) }}
{{- end }}

{{- define "ingora.syncArguments" -}}
{{- $c := .Values.controller }}
{{- $namespace := include "ingora.namespace" . }}
{{- $flags := dict
  "configmap" (printf "%s/%s" $namespace (include "ingora.controller" .))
  "controller-class" $c.ingressClassResource.controllerValue
  "ingress-class" $c.ingressClass
  "election-id" (include "ingora.lease" .)
  "log-format" $c.sync.logFormat
}}
{{- with include "ingora.publishedService" . }}{{ $_ := set $flags "publish-service" . }}{{ end }}
{{- with include "ingora.scope" . }}{{ $_ := set $flags "watch-namespace" . }}{{ end }}
{{- with $c.scope.namespaceSelector }}
{{- if not $c.scope.enabled }}{{ $_ := set $flags "watch-namespace-selector" . }}{{ end }}
{{- end }}
{{- if .Values.defaultBackend.enabled }}
{{- $_ := set $flags "default-backend-service" (printf "%s/%s" $namespace (include "ingora.defaultBackend" .)) }}
{{- end }}
{{- if and $c.hostNetwork $c.reportNodeInternalIp }}{{ $_ := set $flags "report-node-internal-ip-address" "true" }}{{ end }}
{{- if $c.watchIngressWithoutClass }}{{ $_ := set $flags "watch-ingress-without-class" "true" }}{{ end }}
{{- if $c.disableLeaderElection }}{{ $_ := set $flags "disable-leader-election" "true" }}{{ end }}
{{- with $c.electionTTL }}{{ $_ := set $flags "election-ttl" . }}{{ end }}
{{- $known := include "ingora.syncFlags" . | fromYamlArray }}
{{- $names := list }}
{{- range $name, $value := $c.extraArgs }}
{{- if has $name $known }}
{{- $_ := set $flags $name $value }}
{{- end }}
{{- end }}
- sync
- {{ printf "--healthz-host=%s" (include "ingora.healthAddress" . | trimPrefix "[" | trimSuffix "]") | quote }}
- {{ printf "--healthz-port=%v" $c.sync.healthPort | quote }}
{{- range $name, $value := $flags }}
{{- /* A flag without a value is a switch. */}}
{{- if or (kindIs "invalid" $value) (eq (toString $value) "") }}
{{- if ne $name "ingress-class" }}
- --{{ $name }}
{{- end }}
{{- else }}
- {{ printf "--%s=%s" $name (toString $value) | quote }}
{{- end }}
{{- end }}
{{- range until (int $c.sync.verbosity) }}
- -v
{{- end }}
{{- end }}

{{- define "ingora.gatewayArguments" -}}
{{- $c := .Values.controller }}
{{- $g := $c.gateway }}
{{- $listen := include "ingora.listenAddress" . }}
{{- $ports := include "ingora.ports" . | fromJson }}
{{- $public := include "ingora.publicPorts" . | fromJson }}
{{- $flags := dict
  "http-bind" (printf "%s:%v" $listen $ports.http)
  "https-bind" (printf "%s:%v" $listen $ports.https)
  "admin-bind" (printf "%s:%v" (include "ingora.bracketed" (include "ingora.healthAddress" .)) $c.metrics.port)
  "http-port" $public.http
  "https-port" $public.https
  "lame-duck" (include "ingora.lameDuck" .)
  "drain-timeout" (include "ingora.drainTimeout" .)
  "health-check-path" $c.healthCheckPath
  "threads" $g.threads
  "runtime" $g.runtime
  "max-connections" $g.maxConnections
  "log-format" $g.logFormat
  "log-level" $g.logLevel
}}
{{- range $name, $value := $g.extraArgs }}{{ $_ := set $flags $name $value }}{{ end }}
{{- range $name, $value := $flags }}
{{- if eq $name "reuse-port" }}
{{- if ne (toString $value) "false" }}
- --reuse-port
{{- end }}
{{- else }}
- {{ printf "--%s=%s" $name (toString $value) | quote }}
{{- end }}
{{- end }}
{{- end }}
