{{/* The Pod: two containers of one image, joined by a socket in memory. */}}

{{/* Ports below 1024 are free for everybody in a network of one's own; on the node's they want a capability. */}}
{{- define "ingora.privilegedPorts" -}}
{{- $ports := include "ingora.ports" . | fromJson }}
{{- or (lt (int $ports.http) 1024) (lt (int $ports.https) 1024) | ternary "true" "" }}
{{- end }}

{{/* Without a network of its own the gateway needs root's one right that is about ports. */}}
{{- define "ingora.asRoot" -}}
{{- and .Values.controller.hostNetwork (include "ingora.privilegedPorts" .) | empty | ternary "" "true" }}
{{- end }}

{{- define "ingora.podSecurityContext" -}}
{{- $image := .Values.controller.image }}
{{- $context := dict
  "runAsNonRoot" true
  "runAsUser" $image.runAsUser
  "runAsGroup" $image.runAsGroup
  "fsGroup" $image.runAsGroup
  "seccompProfile" (default (dict "type" "RuntimeDefault") $image.seccompProfile)
}}
{{- if include "ingora.asRoot" . }}
{{- range $key := list "runAsUser" "runAsGroup" "fsGroup" }}{{ $_ := set $context $key 0 }}{{ end }}
{{- $_ := set $context "runAsNonRoot" false }}
{{- end }}
{{- $sysctls := list }}
{{- if and (include "ingora.privilegedPorts" .) (not .Values.controller.hostNetwork) }}
{{- $sysctls = append $sysctls (dict "name" "net.ipv4.ip_unprivileged_port_start" "value" "0") }}
{{- end }}
{{- range $name, $value := .Values.controller.sysctls }}
{{- $sysctls = append $sysctls (dict "name" $name "value" (toString $value)) }}
{{- end }}
{{- with $sysctls }}{{ $_ := set $context "sysctls" . }}{{ end }}
{{- mergeOverwrite $context (deepCopy .Values.controller.podSecurityContext) | toYaml }}
{{- end }}

{{/* Of both containers; only the gateway may get a right, and only on the node's network. */}}
{{- define "ingora.containerSecurityContext" -}}
{{- $capabilities := dict "drop" (list "ALL") }}
{{- if and (eq .container "gateway") (include "ingora.asRoot" .root) }}
{{- $_ := set $capabilities "add" (list "NET_BIND_SERVICE") }}
{{- end }}
{{- $context := dict
  "allowPrivilegeEscalation" false
  "capabilities" $capabilities
  "readOnlyRootFilesystem" true
}}
{{- mergeOverwrite $context (deepCopy .root.Values.controller.containerSecurityContext) | toYaml }}
{{- end }}

{{/* Times of a probe from values, path and port from here. */}}
{{- define "ingora.probe" -}}
{{- $probe := dict "httpGet" (dict "path" .path "port" .port) }}
{{- with .host }}{{ $_ := set $probe.httpGet "host" . }}{{ end }}
{{- merge $probe (pick .times "initialDelaySeconds" "periodSeconds" "timeoutSeconds" "successThreshold" "failureThreshold") | toYaml }}
{{- end }}

{{/* The kubelet asks the Pod's address, unless the port is somewhere else. */}}
{{- define "ingora.probeHost" -}}
{{- $address := include "ingora.healthAddress" . }}
{{- has $address (list "0.0.0.0" "::" "[::]" "$(POD_IP)") | ternary "" $address }}
{{- end }}

{{/* The names by which the programs and their metrics know this Pod. */}}
{{- define "ingora.podVariables" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if contains "POD_IP" (include "ingora.healthAddress" .) }}
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}
{{- end }}

{{- define "ingora.controllerImage" -}}
{{- $image := .Values.controller.image }}
image: {{ include "ingora.image" (dict "image" $image "registry" .Values.global.image.registry "version" .Chart.AppVersion) | quote }}
imagePullPolicy: {{ $image.pullPolicy }}
{{- end }}

{{- define "ingora.gatewayContainer" -}}
{{- $c := .Values.controller }}
{{- $ports := include "ingora.ports" . | fromJson }}
name: {{ $c.containerName }}
{{ include "ingora.controllerImage" . | trim }}
command: [/usr/bin/ingora-gateway]
args:
{{- include "ingora.gatewayArguments" . | trim | nindent 2 }}
env:
{{- include "ingora.podVariables" . | nindent 2 }}
  - name: INGORA_CONTROLLER_CLASS
    value: {{ $c.ingressClassResource.controllerValue | quote }}
  {{- with $c.extraEnvs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
{{- range $name := list "http" "https" }}
  - name: {{ $name }}
    containerPort: {{ index $ports $name }}
    {{- if $c.hostNetwork }}
    hostPort: {{ index $ports $name }}
    {{- else if $c.hostPort.enabled }}
    hostPort: {{ index $c.hostPort.ports $name }}
    {{- end }}
    protocol: TCP
{{- end }}
  - name: {{ $c.metrics.portName }}
    containerPort: {{ $c.metrics.port }}
    protocol: TCP
{{- $probe := dict "port" (int $c.metrics.port) "host" (include "ingora.probeHost" .) }}
{{- with $c.startupProbe }}
startupProbe:
  {{- include "ingora.probe" (merge (dict "times" . "path" "/healthz") $probe) | nindent 2 }}
{{- end }}
livenessProbe:
  {{- include "ingora.probe" (merge (dict "times" $c.livenessProbe "path" "/healthz") $probe) | nindent 2 }}
readinessProbe:
  {{- include "ingora.probe" (merge (dict "times" $c.readinessProbe "path" "/readyz") $probe) | nindent 2 }}
{{- with include "ingora.lifecycle" . }}
lifecycle:
  {{- . | nindent 2 }}
{{- end }}
{{- with $c.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $c.resizePolicy }}
resizePolicy:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "ingora.containerSecurityContext" (dict "root" . "container" "gateway") | nindent 2 }}
volumeMounts:
  - name: socket
    mountPath: /run/ingora
  {{- with $c.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
The only container with a token. It says nothing about readiness: the gateway serves what it has while sync starts anew or the
API server is away, and is not ready itself before it has something. When the Pod is told to leave, sync stays until the lame duck
is over, because the gateway still serves new requests until then.
*/}}
{{- define "ingora.syncContainer" -}}
{{- $c := .Values.controller }}
name: sync
{{ include "ingora.controllerImage" . | trim }}
command: [/usr/bin/ingora]
args:
{{- include "ingora.syncArguments" . | trim | nindent 2 }}
env:
{{- include "ingora.podVariables" . | nindent 2 }}
  {{- with $c.extraEnvs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  - name: sync-health
    containerPort: {{ $c.sync.healthPort }}
    protocol: TCP
livenessProbe:
  {{- $times := dict "initialDelaySeconds" 5 "periodSeconds" 10 "timeoutSeconds" 2 "failureThreshold" 5 }}
  {{- include "ingora.probe" (dict "times" $times "path" "/healthz" "port" (int $c.sync.healthPort) "host" (include "ingora.probeHost" .)) | nindent 2 }}
{{- if and (gt (int (include "ingora.lameDuck" .)) 0) (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ include "ingora.lameDuck" . }}
{{- end }}
{{- with $c.sync.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "ingora.containerSecurityContext" (dict "root" . "container" "sync") | nindent 2 }}
volumeMounts:
  - name: socket
    mountPath: /run/ingora
  - name: token
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
{{- end }}

{{- define "ingora.volumes" -}}
- name: socket
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
- name: token
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: {{ .Values.controller.sync.tokenExpirationSeconds }}
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- with .Values.controller.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ingora.topologySpread" -}}
{{- with .Values.controller.topologySpreadConstraints }}
{{- tpl (toYaml .) $ }}
{{- else }}
{{- if eq (include "ingora.kind" .) "Deployment" }}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "ingora.controllerSelector" . | nindent 6 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "ingora.podTemplate" -}}
{{- $c := .Values.controller }}
metadata:
  {{- with $c.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  labels:
    {{- include "ingora.controllerLabels" . | nindent 4 }}
    {{- with $c.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "ingora.serviceAccount" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $c.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $c.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  securityContext:
    {{- include "ingora.podSecurityContext" . | nindent 4 }}
  {{- if $c.hostNetwork }}
  hostNetwork: true
  {{- end }}
  dnsPolicy: {{ and $c.hostNetwork (eq $c.dnsPolicy "ClusterFirst") | ternary "ClusterFirstWithHostNet" $c.dnsPolicy }}
  {{- with $c.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $c.hostAliases }}
  hostAliases:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  terminationGracePeriodSeconds: {{ $c.terminationGracePeriodSeconds }}
  {{- with $c.extraInitContainers }}
  initContainers:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "ingora.gatewayContainer" . | trim | nindent 6 | trim }}
    - {{ include "ingora.syncContainer" . | trim | nindent 6 | trim }}
    {{- with $c.extraContainers }}
    {{- tpl (toYaml .) $ | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "ingora.volumes" . | nindent 4 }}
  {{- with $c.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $c.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $c.affinity }}
  affinity:
    {{- tpl (toYaml .) $ | nindent 4 }}
  {{- end }}
  {{- with include "ingora.topologySpread" . | trim }}
  topologySpreadConstraints:
    {{- . | nindent 4 }}
  {{- end }}
{{- end }}
