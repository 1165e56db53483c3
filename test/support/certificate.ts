/**
 * A self-signed certificate for test registries. Its name is registry.test, and it is valid for a hundred
 * years.
 */

const cert = `-----BEGIN CERTIFICATE-----
MIIBojCCAUegAwIBAgIULUzdCpi/bGWFYCi8O7pRA/nU2ZcwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcmVnaXN0cnkudGVzdDAgFw0yNjExMzAxMTUzNDJaGA8yMTI2
MTEwNjExNTM0MlowGDEWMBQGA1UEAwwNcmVnaXN0cnkudGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABF5PT2ulq1748C2vLI928IFCydhcDr8EQ2bNPkygCRBt
MKCuitU6YdyjiZsJhkd5PhD3UetKYWZyF5d5aNm3HyKjbTBrMB0GA1UdDgQWBBSy
ZhnuKdJgyf4GS7HDjS/tipqYzzAfBgNVHSMEGDAWgBSyZhnuKdJgyf4GS7HDjS/t
ipqYzzAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDXJlZ2lzdHJ5LnRlc3Qw
CgYIKoZIzj0EAwIDSQAwRgIhAPqcweImBtDOv2RjHeML7AwCL68XwMzdRj6QL/0M
yIp0AiEAjt9Ul+9PZ+nay4JXDO/LmXvVVNeXXWeQ0aYNhkUEG8k=
-----END CERTIFICATE-----
`;

const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgfGscbF1FdGIJRlCi
DWzRTfwyhq2jd2YORDXXJM3Qn/WhRANCAAReT09rpate+PAtryyPdvCBQsnYXA6/
BENmzT5MoAkQbTCgrorVOmHco4mbCYZHeT4Q91HrSmFmcheXeWjZtx8i
-----END PRIVATE KEY-----
`;

/** The `tls` option of Bun.serve. */
export const CERTIFICATE = { cert, key } as const;
