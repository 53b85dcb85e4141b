{{/* What most often goes wrong, found before anybody wonders: for NOTES.txt. Without a cluster only values are looked at. */}}

{{- define "ingora.warnings" -}}
{{- include "ingora.warningsOfValues" . }}
{{- include "ingora.warningsOfClasses" . }}
{{- include "ingora.warningsOfServices" . }}
{{- include "ingora.warningsOfPorts" . }}
{{- end }}

{{- define "ingora.warningsOfValues" -}}
{{- $c := .Values.controller }}
{{- $ignored := include "ingora.ignoredFlags" . | fromYamlArray }}
{{- $flags := list }}
{{- range $name, $value := $c.extraArgs }}{{ if has $name $ignored }}{{ $flags = append $flags $name }}{{ end }}{{ end }}
{{- with $flags }}
- controller.extraArgs: {{ join ", " . }}: without effect in Ingora.
{{- end }}
{{- if $c.allowSnippetAnnotations }}
- controller.allowSnippetAnnotations: snippets are never executed. An Ingress that carries one is not served; `ingora check`
  names the annotation to use instead.
{{- end }}
{{- if $c.maxmindLicenseKey }}
- controller.maxmindLicenseKey: Ingora reads no GeoIP data; nothing that depends on countries or networks of providers works.
{{- end }}
{{- if .Values.dhParam }}
- dhParam: without effect; key exchange is by elliptic curves alone.
{{- end }}
{{- if (default dict $c.opentelemetry).enabled }}
- controller.opentelemetry: without effect; there is no module to load.
{{- end }}
{{- if $c.ingressClassByName }}
- controller.ingressClassByName: without effect. What counts is spec.controller of the IngressClass: {{ $c.ingressClassResource.controllerValue }}
{{- end }}
{{- if and (eq (include "ingora.kind" .) "DaemonSet") (not (kindIs "invalid" $c.replicaCount)) }}
- controller.replicaCount: a DaemonSet has as many Pods as there are nodes.
{{- end }}
{{- if $c.enableTopologyAwareRouting }}
- controller.enableTopologyAwareRouting: without effect; Ingora does not read topology hints.
{{- end }}
{{- if lt (int (include "ingora.lameDuck" .)) (int $c.gateway.lameDuckSeconds) }}
- controller.terminationGracePeriodSeconds: {{ $c.terminationGracePeriodSeconds }} seconds are short; a Pod that leaves goes on serving for {{ include "ingora.lameDuck" . }} of them.
{{- end }}
{{- if and $c.hostNetwork (include "ingora.asRoot" .) }}
- controller.hostNetwork with ports below 1024: both containers run as user 0, the gateway with NET_BIND_SERVICE and no other
  right. controller.hostPort.enabled=true needs neither.
{{- end }}
{{- if and (or $c.hostNetwork $c.hostPort.enabled) (eq (include "ingora.kind" .) "Deployment") (lt (int (include "ingora.replicas" .)) 2) (not $c.autoscaling.enabled) (not $c.keda.enabled) }}
- One replica with ports of its node: while it is replaced, nobody serves.
{{- end }}
{{- end }}

{{- define "ingora.warningsOfClasses" -}}
{{- $own := .Values.controller.ingressClassResource }}
{{- $found := lookup "networking.k8s.io/v1" "IngressClass" "" "" | default dict }}
{{- range $found.items }}
{{- $name := .metadata.name }}
{{- $default := get (.metadata.annotations | default dict) "ingressclass.kubernetes.io/is-default-class" }}
{{- if and (eq $default "true") (ne $name $own.name) }}
- The IngressClass {{ $name }} is the default of this cluster: an Ingress without spec.ingressClassName gets that one
  {{- if $own.default }}; two defaults, and Kubernetes refuses Ingresses without a class{{ end }}.
{{- end }}
{{- end }}
{{- end }}

{{- define "ingora.warningsOfServices" -}}
{{- $c := .Values.controller }}
{{- if and $c.service.enabled (eq $c.service.type "LoadBalancer") (not $c.hostPort.enabled) (not $c.hostNetwork) }}
{{- $name := include "ingora.controller" . }}
{{- with lookup "v1" "Service" (include "ingora.namespace" .) $name }}
{{- if empty .status.loadBalancer }}
- The Service {{ $name }} has no address yet. If it never gets one, nobody makes load balancers in this cluster: install one
  (MetalLB, kube-vip, the one of your cloud), or say controller.hostPort.enabled=true, or controller.service.type=NodePort.
{{- end }}
{{- end }}
{{- end }}
{{- if and (not $c.service.enabled) (not $c.hostPort.enabled) (not $c.hostNetwork) }}
- No Service, no hostPort and no hostNetwork: no client outside of the cluster can connect.
{{- end }}
{{- if and $c.service.enabled $c.service.internal.enabled (empty $c.service.internal.annotations) }}
- controller.service.internal has no annotations: most clouds make it a second public load balancer.
{{- end }}
{{- end }}

{{/* Another DaemonSet with the same ports of nodes leaves every Pod of ours pending. */}}
{{- define "ingora.warningsOfPorts" -}}
{{- $c := .Values.controller }}
{{- if or $c.hostPort.enabled $c.hostNetwork }}
{{- $ours := $c.hostPort.ports }}
{{- $root := . }}
{{- $found := lookup "apps/v1" "DaemonSet" "" "" | default dict }}
{{- range $set := $found.items }}
{{- $same := and (eq $set.metadata.name (include "ingora.controller" $root)) (eq $set.metadata.namespace (include "ingora.namespace" $root)) }}
{{- if not $same }}
{{- $taken := list }}
{{- range $container := $set.spec.template.spec.containers }}
{{- range $container.ports }}
{{- if and .hostPort (has (int .hostPort) (list (int $ours.http) (int $ours.https))) }}
{{- $taken = append $taken (toString .hostPort) }}
{{- end }}
{{- end }}
{{- end }}
{{- with $taken }}
- Port {{ join " and " . }} of the nodes is taken by the DaemonSet {{ $set.metadata.namespace }}/{{ $set.metadata.name }}: Pods of
  Ingora stay Pending where it runs. Choose others (controller.hostPort.ports) or remove it.
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
